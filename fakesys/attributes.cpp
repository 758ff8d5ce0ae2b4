#include "fakesys/attributes.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <tuple>
#include <vector>

#include "fakesys/attribute_parts.h"
#include "fakesys/numbers.h"

namespace busproof::fakesys {
namespace {

/// All rows, by place and by name within one.
struct Rows {
  static constexpr std::size_t kSeatCount = 512;  ///< much more than rows, so that a look finds its row at once

  std::vector<AttributeRow> all{};
  std::array<std::span<const AttributeRow>, kPlaceCount> of_place{};
  std::array<const AttributeRow*, kSeatCount> seats{};

  static std::size_t seat(Place place, std::string_view name) {
    constexpr std::size_t kSpread = 0x9e3779b1;
    const auto letter = [&](std::size_t at) { return static_cast<unsigned char>(name[at]); };
    const std::size_t mixed =
        name.empty() ? 0 : letter(0) | letter(name.size() / 2) << 8 | letter(name.size() - 1) << 16 | name.size() << 24;
    return ((mixed ^ static_cast<std::size_t>(place) << 4) * kSpread >> 20) % kSeatCount;
  }
  [[nodiscard]] const AttributeRow* find(Place place, std::string_view name) const {
    for (std::size_t at = seat(place, name); seats[at] != nullptr; at = (at + 1) % kSeatCount)
      if (seats[at]->place == place && seats[at]->name == name) return seats[at];
    return nullptr;
  }

  Rows() {
    for (const auto part : {device_rows(), binding_rows(), hotplug_rows(), sriov_rows(), bus_rows()})
      all.insert(all.end(), part.begin(), part.end());
    std::ranges::sort(all, {}, [](const AttributeRow& row) { return std::tie(row.place, row.name); });
    for (std::size_t place = 0; place < kPlaceCount; ++place)
      of_place[place] = std::ranges::equal_range(all, static_cast<Place>(place), {}, &AttributeRow::place);
    for (const AttributeRow& row : all) {
      std::size_t at = seat(row.place, row.name);
      while (seats[at] != nullptr) at = (at + 1) % kSeatCount;
      seats[at] = &row;
    }
  }
};

const Rows& rows() {
  static const Rows kRows;
  return kRows;
}

}  // namespace

std::span<const AttributeRow> attribute_rows(Place place) { return rows().of_place[static_cast<std::size_t>(place)]; }

const AttributeRow* attribute_row(Place place, std::string_view name) { return rows().find(place, name); }

std::size_t binary_size(const Host& host, const Node& node, std::string_view name) {
  const Device& device = device_of(host, node);
  return name == "config" ? device.config.size() : device.function->decoders[kRomDecoder].size;
}

Text read_binary(const Host& host, const Node& node, std::string_view name, std::uint64_t offset, std::size_t count,
                 Caller caller) {
  constexpr std::size_t kVisibleToAll = 64;
  constexpr std::size_t kVisibleOfCardbus = 128;
  const Device& device = device_of(host, node);
  if (name == "rom") {
    const std::size_t size = binary_size(host, node, name);
    if (offset >= size) return {};
    if (!device.rom_enabled) return {EINVAL, {}};
    return {0, std::string(std::min(count, size - offset), '\0')};
  }
  std::size_t size = device.config.size();
  if (caller != Caller::Root) size = device.config.header_type() == 2 ? kVisibleOfCardbus : kVisibleToAll;
  if (offset >= size) return {};
  if (!host.model.in_d3hot(device)) return {0, device.config.read(offset, std::min(count, size - offset))};
  ConfigSpace asleep = device.config;
  constexpr std::uint8_t kD3hot = 3;
  asleep.set(*asleep.capability(kPowerManagement) + 4, kD3hot, kD3hot);
  return {0, asleep.read(offset, std::min(count, size - offset))};
}

int write_binary(Host& host, const Node& node, std::string_view name, std::uint64_t offset, std::string_view data,
                 std::size_t& taken) {
  const std::size_t size = binary_size(host, node, name);
  if (offset >= size) return EFBIG;
  taken = std::min(data.size(), size - offset);
  if (name == "rom") {
    // In older kernels what follows the zero does not matter, but how much it is. Source: drivers/pci/pci-sysfs.c,
    // pci_write_rom()
    const auto on =
        host.model.profile.rom_takes_words ? kernel_bool(data) : !(offset == 0 && data.starts_with('0') && taken == 2);
    if (!on) return EINVAL;
    host.model.edit(slot_of(node)).rom_enabled = *on;
    return 0;
  }
  std::vector<std::uint8_t> bytes(taken);
  std::ranges::transform(data.substr(0, taken), bytes.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
  host.model.write_config(slot_of(node), offset, bytes);
  return 0;
}

}  // namespace busproof::fakesys
