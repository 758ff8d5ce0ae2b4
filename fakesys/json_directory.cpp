#include "fakesys/json_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/base64.h"

namespace busproof::fakesys {
namespace {

using nlohmann::json;

constexpr unsigned kDefaultMode = 0444;

unsigned mode_from(const json& entry) {
  const auto mode = entry.find("mode");
  if (mode == entry.end() || !mode->is_string()) return kDefaultMode;
  unsigned value = 0;
  for (const char c : mode->get<std::string>()) {
    if (c < '0' || c > '7') return kDefaultMode;
    value = value * 8 + static_cast<unsigned>(c - '0');
  }
  return value;
}

RecordedAttribute attribute_from(const std::string& name, const json& entry) {
  RecordedAttribute attribute{.name = name, .mode = mode_from(entry), .text = std::nullopt, .error = {}, .size = kPage};
  if (const auto text = entry.find("text"); text != entry.end() && text->is_string())
    attribute.text = text->get<std::string>();
  if (const auto bytes = entry.find("b64"); bytes != entry.end() && bytes->is_string()) {
    attribute.text = from_base64(bytes->get<std::string>());
  }
  if (const auto error = entry.find("err"); error != entry.end() && error->is_string())
    attribute.error = error->get<std::string>();
  if (const auto size = entry.find("size"); size != entry.end() && size->is_number_unsigned()) {
    attribute.size = size->get<std::size_t>();
  }
  return attribute;
}

bool is_plain_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80 && c != '\0'; });
}

template <class Visit>
void each(const json& entry, const char* name, Visit visit) {
  const auto found = entry.find(name);
  if (found == entry.end() || !found->is_object()) return;
  for (const auto& [key, value] : found->items()) visit(key, value);
}

}  // namespace

RecordedDirectory directory_from_json(const json& entry) {
  RecordedDirectory directory;
  if (!entry.is_object()) return directory;
  each(entry, "attrs", [&](const std::string& name, const json& value) {
    if (value.is_object()) directory.attributes.push_back(attribute_from(name, value));
  });
  each(entry, "links", [&](const std::string& name, const json& target) {
    if (target.is_string()) directory.links.emplace_back(name, target.get<std::string>());
  });
  each(entry, "dirs", [&](const std::string& name, const json& below) {
    directory.directories.emplace_back(name, directory_from_json(below));
  });
  if (const auto others = entry.find("other_dirs"); others != entry.end() && others->is_array()) {
    for (const auto& name : *others) {
      if (name.is_string()) directory.other_directories.push_back(name.get<std::string>());
    }
  }
  if (const auto net = entry.find("net_dir"); net != entry.end() && net->is_string()) {
    directory.net_directory = net->get<std::string>();
  }
  each(entry, "net", [&](const std::string& name, const json& attributes) {
    directory.interfaces.emplace_back(name, directory_from_json(json{{"attrs", attributes}}));
  });
  return directory;
}

json to_json(const RecordedDirectory& directory) {
  json out = json::object();
  json attributes = json::object();
  for (const RecordedAttribute& attribute : directory.attributes) {
    json entry = {{"mode", fmt::format("0{:o}", attribute.mode)}};
    if (attribute.text && is_plain_text(*attribute.text)) entry["text"] = *attribute.text;
    if (attribute.text && !is_plain_text(*attribute.text)) entry["b64"] = to_base64(*attribute.text);
    if (!attribute.error.empty()) entry["err"] = attribute.error;
    if (attribute.size != kPage) entry["size"] = attribute.size;
    attributes[attribute.name] = std::move(entry);
  }
  if (!attributes.empty()) out["attrs"] = std::move(attributes);
  for (const auto& [name, target] : directory.links) out["links"][name] = target;
  for (const auto& [name, below] : directory.directories) out["dirs"][name] = to_json(below);
  if (!directory.other_directories.empty()) out["other_dirs"] = directory.other_directories;
  if (!directory.net_directory.empty()) out["net_dir"] = directory.net_directory;
  for (const auto& [name, facts] : directory.interfaces) {
    json entry = to_json(facts);
    out["net"][name] = entry.contains("attrs") ? entry["attrs"] : json::object();
  }
  return out;
}

}  // namespace busproof::fakesys
