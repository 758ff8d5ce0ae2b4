#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace busproof::domain {

/// libxml2's limit, and so libvirt's.
inline constexpr std::size_t kElementDepthMax = 256;

/// Whether the text is well-formed XML as libxml2 judges it (without a validating DTD), in one pass and linear time.
/// Afterwards every '<' outside of comments, CDATA and processing instructions begins a tag, every tag has its
/// partner, and every attribute is quoted and there once.
/// Errors (Unreadable, with offset), each with libxml2's key words:
///   E001 not well-formed           E002 bytes that no XML text has, or UTF-16 and UTF-32
///   E003 a DOCTYPE that declares   E004 deeper than kElementDepthMax
Result<void> check_well_formed(const std::string& text);

/// An error of kind Unreadable.
Refusal unreadable(std::string rule, std::size_t offset, std::string message, std::string remedy = {});

}  // namespace busproof::domain
