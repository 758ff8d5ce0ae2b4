#include "engine/report/assignment_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "engine/report/device_words.h"
#include "engine/report/json.h"

namespace busproof::report {
namespace {

constexpr std::array<std::string_view, 3> kVerdicts = {"unreadable", "refused", "unsupported"};

/// A device that has a place, and why it is there.
struct AssignmentRow {
  std::string name, address;
  bool multifunction = false;
  std::string_view reason;
};

std::vector<AssignmentRow> rows_of(const assign::Assignment& assignment) {
  const domain::Domain& domain = assignment.placed.domain();
  const std::vector<std::string> names = device_names(domain);
  std::vector<AssignmentRow> rows;
  for (const assign::Reason& reason : assignment.reasons) {
    AssignmentRow row{.name = names[reason.device], .address = {}, .reason = reason.text};
    const auto* address = std::get_if<domain::PciAddress>(&domain.devices[reason.device].address);
    if (address != nullptr && address->at) {
      row.address = to_string(*address->at);
      row.multifunction = address->multifunction == domain::Switch::On;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

std::string explain_text(const assign::Assignment& assignment) {
  const std::vector<AssignmentRow> rows = rows_of(assignment);
  std::size_t name_columns = 0, address_columns = 0;
  for (const AssignmentRow& row : rows) {
    name_columns = std::max(name_columns, column_count(row.name));
    address_columns = std::max(address_columns, row.address.size());
  }
  std::string text;
  for (const AssignmentRow& row : rows)
    text += fmt::format("{}{:{}}  {:<{}}  {}{}\n", row.name, "", name_columns - column_count(row.name), row.address,
                        address_columns, row.multifunction ? "multifunction; " : "", printable(row.reason));
  return text;
}

std::string assignment_json(const AssignmentReport& report) {
  Json json = {
      {"schema_version", kSchemaVersion},
      {"file", report.file},
      {"verdict", report.error != nullptr ? kVerdicts[static_cast<std::size_t>(report.error->kind)]
                  : report.changed        ? "assigned"
                                          : "unchanged"},
      {"changed", report.changed},
      {"error", report.error != nullptr ? error_json(*report.error, report.text) : Json(nullptr)},
      {"warnings", Json::array()},
      {"devices", Json::array()},
      {"xml", report.xml ? Json(*report.xml) : Json(nullptr)},
  };
  if (report.assignment != nullptr) {
    json["warnings"] = assign::warnings_of(report.assignment->placed);
    for (const AssignmentRow& row : rows_of(*report.assignment))
      json["devices"].push_back({{"name", row.name},
                                 {"address", text_or_null(row.address)},
                                 {"multifunction", row.multifunction},
                                 {"reason", row.reason}});
  }
  return dumped(json);
}

}  // namespace busproof::report
