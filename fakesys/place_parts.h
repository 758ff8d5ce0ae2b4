#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fakesys/place.h"

/// What find_entry() and entry_names() are made of. For the sources of this folder only.
namespace busproof::fakesys {

using Names = std::vector<std::string>;

inline Entry directory(Node node) { return {.kind = Entry::Kind::Directory, .node = node}; }
inline Entry link(std::optional<Node> node, std::string target) {
  return {.kind = Entry::Kind::Link, .node = node, .target = std::move(target)};
}

/// "../" once for each part of a path, from which on a link reads as from the root.
inline std::string up_from(std::string_view path) {
  std::string up = "../";
  for (const char c : path) {
    if (c == '/') up += "../";
  }
  return up;
}

/// The number at the end of "vfio12", after `prefix`.
inline std::optional<int> number_behind(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  int number = 0;
  const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || rest != name.data() + name.size() || name.empty()) return std::nullopt;
  if (name.size() > 1 && name[0] == '0') return std::nullopt;
  return number;
}

inline std::string bus_name(std::uint32_t segment, std::uint8_t number) {
  return fmt::format("{:04x}:{:02x}", segment, number);
}

template <class Pairs>
auto named(const Pairs& pairs, std::string_view name) -> decltype(&pairs.front().second) {
  const auto found = std::ranges::find(pairs, name, [](const auto& pair) -> std::string_view { return pair.first; });
  return found == pairs.end() ? nullptr : &found->second;
}

inline Node at(Place place) { return {.place = place}; }

inline Node driver_node(const Host& host, int driver) {
  return {
      .place = Place::Driver, .number = driver, .recorded = named(host.facts->drivers, host.model.driver(driver).name)};
}
inline Node group_node(int number) { return {.place = Place::GroupDir, .number = number}; }
/// A link that was recorded and that no model moves. A kernel's links lead to directories: to one that nobody has
/// looked into where the capture says no more.
inline Entry recorded_link(const Host& host, const std::string& target) {
  constexpr std::string_view kIommus = "virtual/iommu/";
  Node there{.place = Place::Recorded};
  if (const auto at = target.find(kIommus); at != std::string::npos) {
    there.recorded = named(host.facts->iommus, std::string_view(target).substr(at + kIommus.size()));
  }
  return link(there, target);
}

// A device's own directory, in device_place.cpp.
/// What a name stands for there that is no attribute of the model.
std::optional<Entry> find_device_entry(const Host& host, const Node& node, std::string_view name);
/// Adds such names.
void list_device(const Host& host, const Node& node, Names& names);
/// Whether an attribute of the record is there now.
bool has_recorded(const Host& host, const Node& node, std::string_view name);
/// "virtio1" of a device that such a driver has; empty of others.
std::string_view virtio_name(const Device& device);

}  // namespace busproof::fakesys
