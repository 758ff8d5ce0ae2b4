#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/domain/xml_document.h"

/// Messages in the form that compilers use and editors jump to.
namespace busproof::report {

/// Line and column within a text are worked out here; `text` may be empty when the error has no offset.
///
///     web01.xml:41:5: error: interface 52:54:00:aa:bb:cc: XML error: Attempted double use of PCI Address … [E305]
///       remedy: …
///
/// Ends with a newline.
std::string error_text(std::string_view file, std::string_view text, const Error& error);
/// The same where the place is known already; nothing: the whole file.
std::string error_text(std::string_view file, const std::optional<domain::TextPlace>& place, const Error& error);

/// "web01.xml: warning: …\n"
std::string warning_text(std::string_view file, std::string_view message);
/// "web01.xml: note: …\n"
std::string note_text(std::string_view file, std::string_view message);

}  // namespace busproof::report
