#include "engine/report/headroom_report.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "engine/domain/xml_markup.h"
#include "engine/report/device_words.h"
#include "engine/report/json.h"

namespace busproof::report {
namespace {

std::string xml_of(const domain::Device& controller, std::string_view indent) {
  const std::string separator = "\n" + std::string(indent);
  std::string text;
  domain::append_markup(text, separator, {'\'', "  "},
                        [&](domain::MarkupWriter& writer) { write_device(writer, controller); });
  return text.erase(0, separator.size());
}

std::string more_text(const std::optional<assign::MoreRoom>& more, std::string_view time) {
  if (!more) return {};
  const std::string indent(6, ' ');
  std::string text = fmt::format("    for {} {} add, and move nothing:\n", time, more->count);
  for (const domain::Device& controller : more->controllers) text += indent + xml_of(controller, indent) + '\n';
  return text;
}

std::string row_text(const HeadroomRow& row) {
  const assign::ClassHeadroom& room = row.room;
  std::string text = fmt::format("  {:<14} cold {}", to_string(room.of), room.cold.count);
  if (room.cold_seen != room.cold.count) text += fmt::format(" (the guest sees {})", room.cold_seen);
  text += fmt::format(", hot {}\n", room.hot.count);
  text += fmt::format("    cold: {}: {}\n", to_string(room.cold.limit), room.cold.why);
  text += fmt::format("    hot: {}: {}\n", to_string(room.hot.limit), room.hot.why);
  return text + more_text(row.more_cold, "cold") + more_text(row.more_hot, "hot");
}

Json room_json(const assign::Room& room) {
  return {{"count", room.count}, {"limit", to_string(room.limit)}, {"why", room.why}};
}

Json more_json(const std::optional<assign::MoreRoom>& more) {
  if (!more) return nullptr;
  Json controllers = Json::array();
  for (const domain::Device& controller : more->controllers) {
    const auto* pci = std::get_if<domain::PciAddress>(&controller.address);
    controllers.push_back({{"index", controller.controller->index.value_or(0)},
                           {"model", controller.model},
                           {"address", pci != nullptr && pci->at ? Json(to_string(*pci->at)) : Json()},
                           {"xml", xml_of(controller, "")}});
  }
  return {{"count", more->count}, {"controllers", std::move(controllers)}};
}

Json row_json(const HeadroomRow& row) {
  Json json = {{"class", to_string(row.room.of)},
               {"cold", room_json(row.room.cold)},
               {"hot", room_json(row.room.hot)},
               {"more_cold", more_json(row.more_cold)},
               {"more_hot", more_json(row.more_hot)}};
  json["cold"]["seen"] = row.room.cold_seen;
  return json;
}

}  // namespace

std::string headroom_text(const HeadroomReport& report) {
  std::string text = fmt::format("{}: {}\n", printable(report.file), printable(report.domain));
  for (const HeadroomRow& row : report.rows) text += row_text(row);
  return text;
}

std::string headroom_json(const HeadroomReport& report) {
  Json classes = Json::array();
  for (const HeadroomRow& row : report.rows) classes.push_back(row_json(row));
  return dumped({{"schema_version", kSchemaVersion},
                 {"file", report.file},
                 {"name", report.domain},
                 {"error", nullptr},
                 {"classes", std::move(classes)}});
}

std::string headroom_json(const Error& error, std::string_view text, std::string_view file) {
  return dumped({{"schema_version", kSchemaVersion}, {"file", file}, {"error", error_json(error, text)}});
}

}  // namespace busproof::report
