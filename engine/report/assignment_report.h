#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/assign/assign.h"
#include "engine/base/result.h"

/// What `assign` says of a file besides the XML.
namespace busproof::report {

/// One line a device, in columns: name, address, why.
///
///     interface 52:54:00:aa:bb:cc  0000:01:00.0  first free slot of bus 1 (pcie-root-port)
///     controller pci 1             0000:00:01.0  multifunction; its slot was free
std::string explain_text(const assign::Assignment& assignment);

/// One JSON object, indented by two blanks, without a final newline. Keys:
///
///     schema_version 1
///     file           as its user calls it
///     verdict        "assigned", "unchanged", "refused", "unreadable" or "unsupported"
///     changed        whether the XML that came out differs from the one that went in
///     error          null, or: rule, message, device, remedy (null where there is none), line, column (null: none)
///     warnings[]     sentences
///     devices[]      in the domain's order: name, address, multifunction, reason
///     xml            the XML with every address; null when refused, or when it went to a file
struct AssignmentReport {
  std::string_view file;
  const assign::Assignment* assignment = nullptr;  ///< null: there is an error
  const Error* error = nullptr;
  std::string_view text{};  ///< that was read: where the error's offset leads into
  bool changed = false;
  std::optional<std::string_view> xml{};
};
std::string assignment_json(const AssignmentReport& report);

}  // namespace busproof::report
