#include "fakesys/config_space.h"

#include <algorithm>

namespace busproof::fakesys {
namespace {

constexpr std::size_t kInterruptLine = 0x3c;
constexpr std::size_t kCapabilityMax = 48;
constexpr std::size_t kExtendedCapabilityMax = 480;
constexpr std::uint16_t kIoBits = 0x0001;
constexpr std::size_t kHeaderSize = 0x40, kExtendedSpace = 0x100;
constexpr std::size_t kCapabilityPointer = 0x34;

std::size_t bar_count(const ConfigSpace& config) { return config.is_bridge() ? 2 : 6; }
std::size_t rom_offset(const ConfigSpace& config) { return config.is_bridge() ? 0x38 : 0x30; }
/// A ROM's decoder comes after the six of the BARs, in registers as in the kernel's list of resources.

/// The bits of a decoder register that tell what it decodes, and cannot be written.
std::uint8_t kind_bits(std::uint32_t bar) { return static_cast<std::uint8_t>((bar & kIoBits) != 0 ? 0x03 : 0x0f); }

/// Whether the register holds the upper half of the one before it.
bool is_upper_half(const ConfigSpace& config, std::size_t bar) {
  if (bar == 0) return false;
  const std::uint32_t below = config.dword(kFirstBar + 4 * (bar - 1));
  return (below & 0x07) == 0x04 && !is_upper_half(config, bar - 1);
}

std::uint8_t byte_of(std::uint64_t value, std::size_t byte) { return static_cast<std::uint8_t>(value >> (8 * byte)); }

std::uint8_t writable_bar_bits(const ConfigSpace& config, std::span<const Decoder> decoders, std::size_t offset) {
  const std::size_t bar = (offset - kFirstBar) / 4;
  const bool upper = is_upper_half(config, bar);
  const std::size_t owner = upper ? bar - 1 : bar;
  if (owner >= decoders.size() || decoders[owner].size == 0) return 0;
  const std::uint64_t mask = ~(decoders[owner].size - 1);
  const std::size_t byte = (offset - kFirstBar) % 4;
  if (upper) return byte_of(mask >> 32, byte);
  const std::uint8_t kind = byte == 0 ? kind_bits(config.dword(kFirstBar + 4 * bar)) : std::uint8_t{0};
  return static_cast<std::uint8_t>(byte_of(mask, byte) & ~kind);
}

/// Plain registers of the header: first and last byte, and what can be written there.
struct HeaderField {
  std::size_t first, last;
  std::uint8_t bits;
};
constexpr HeaderField kBothHeaders[] = {{0x04, 0x04, 0x07}, {0x05, 0x05, 0x05}, {0x0c, 0x0c, 0xff}, {0x3c, 0x3c, 0xff}};
constexpr HeaderField kBridgeHeader[] = {{0x18, 0x1b, 0xff}, {0x1c, 0x1d, 0xf0}, {0x20, 0x20, 0xf0}, {0x21, 0x21, 0xff},
                                         {0x22, 0x22, 0xf0}, {0x23, 0x23, 0xff}, {0x24, 0x24, 0xf0}, {0x25, 0x25, 0xff},
                                         {0x26, 0x26, 0xf0}, {0x27, 0x27, 0xff}, {0x28, 0x2f, 0xff}, {0x3e, 0x3e, 0xff},
                                         {0x3f, 0x3f, 0x0f}};
/// The same for capabilities; offsets count from the capability.
struct CapabilityField {
  std::uint8_t id;
  std::size_t offset;
  std::uint8_t bits;
};
constexpr CapabilityField kCapabilityFields[] = {
    {kPowerManagement, 4, 0x03}, {kPowerManagement, 5, 0x01}, {kMsi, 2, 0x71},       {kMsix, 3, 0xc0},
    {kExpress, 8, 0xff},         {kExpress, 9, 0x7f},         {kExpress, 0x10, 0xfb}};

template <std::size_t N>
std::uint8_t field_bits(const HeaderField (&fields)[N], std::size_t offset) {
  const auto* found =
      std::ranges::find_if(fields, [&](const HeaderField& f) { return f.first <= offset && offset <= f.last; });
  return found == std::end(fields) ? std::uint8_t{0} : found->bits;
}

/// How many bytes a capability takes.
struct CapabilitySize {
  std::uint16_t id;
  std::size_t size;
};
constexpr CapabilitySize kCapabilitySizes[] = {
    {kPowerManagement, 8}, {0x04, 4}, {0x0c, 8}, {0x0d, 8}, {kMsix, 12}, {0x12, 8}, {kAdvancedFeatures, 6}};
constexpr CapabilitySize kExtendedSizes[] = {{0x01, 0x48}, {0x03, 12}, {0x0b, 24},   {0x0d, 8},
                                             {0x0e, 8},    {0x0f, 8},  {0x10, 0x40}, {0x18, 8}};

/// Nothing: of this one it is not known.
template <std::size_t N>
std::optional<std::size_t> known_size(const CapabilitySize (&sizes)[N], std::uint16_t id) {
  const auto* found = std::ranges::find(sizes, id, &CapabilitySize::id);
  return found == std::end(sizes) ? std::nullopt : std::optional(found->size);
}

std::optional<std::size_t> size_of_capability(const ConfigSpace& config, std::size_t at) {
  constexpr std::uint8_t kVendorSpecific = 0x09, kMsi64 = 0x80;
  constexpr std::size_t kMsiSize = 10, kExpressOne = 0x14, kExpressTwo = 0x3c;
  const std::uint8_t id = config.byte(at);
  if (id == kVendorSpecific) return config.byte(at + 2);
  if (id == kExpress) return (config.byte(at + 2) & 0x0f) < 2 ? kExpressOne : kExpressTwo;
  if (id != kMsi) return known_size(kCapabilitySizes, id);
  const std::uint16_t control = config.word(at + 2);
  const bool masks = (control & 0x100) != 0;
  return kMsiSize + ((control & kMsi64) != 0 ? 4 : 0) + (masks ? 10 : 0);
}

/// Whether a register is in none of the capabilities. Behind one whose size is not known nothing is free.
bool is_free(const ConfigSpace& config, std::size_t offset) {
  const bool extended = offset >= kExtendedSpace;
  std::size_t at = extended ? kExtendedSpace : config.byte(kCapabilityPointer) & 0xfc;
  const bool any = extended ? config.dword(at) != 0 : (config.word(pci::kStatus) & pci::kStatusCapabilities) != 0;
  for (std::size_t i = 0; any && i < kExtendedCapabilityMax && at >= kHeaderSize && at < config.size(); ++i) {
    const std::uint32_t header = config.dword(at);
    const auto size =
        extended ? known_size(kExtendedSizes, static_cast<std::uint16_t>(header)) : size_of_capability(config, at);
    if (at <= offset && (!size || offset < at + *size)) return false;
    at = extended ? (header >> 20) & 0xffc : header >> 8 & 0xfc;
  }
  return true;
}

}  // namespace

std::string ConfigSpace::read(std::size_t offset, std::size_t count) const {
  if (offset >= size_) return {};
  std::string out(std::min(count, size_ - offset), '\0');
  if (offset < bytes_->size()) {
    const auto* first = bytes_->data() + offset;
    std::copy_n(first, std::min(out.size(), bytes_->size() - offset), out.begin());
  }
  return out;
}

void ConfigSpace::set(std::size_t offset, std::uint8_t value, std::uint8_t mask) {
  const auto wanted = static_cast<std::uint8_t>((byte(offset) & ~mask) | (value & mask));
  // What reads all ones does not hear what is written either.
  const bool is_dead = byte(0x0e) == 0xff;  // the type of its header, which is no such number in any other
  if (wanted == byte(offset) || is_dead) return;
  auto& bytes = bytes_.edit();
  if (bytes.size() <= offset) bytes.resize(offset + 1);
  bytes[offset] = wanted;
}

void ConfigSpace::set_word(std::size_t offset, std::uint16_t value, std::uint16_t mask) {
  set(offset, static_cast<std::uint8_t>(value), static_cast<std::uint8_t>(mask));
  set(offset + 1, static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(mask >> 8));
}

std::optional<std::size_t> ConfigSpace::capability(std::uint8_t id) const {
  if ((word(pci::kStatus) & pci::kStatusCapabilities) == 0) return std::nullopt;
  std::size_t at = byte(0x34) & 0xfc;
  for (std::size_t i = 0; i < kCapabilityMax && at >= 0x40; ++i) {
    if (byte(at) == id) return at;
    at = byte(at + 1) & 0xfc;
  }
  return std::nullopt;
}

std::optional<std::size_t> ConfigSpace::extended_capability(std::uint16_t id) const {
  std::size_t at = 0x100;
  for (std::size_t i = 0; i < kExtendedCapabilityMax && at >= 0x100 && at < size_; ++i) {
    const std::uint32_t header = dword(at);
    if (header == 0) return std::nullopt;
    if ((header & 0xffff) == id) return at;
    at = (header >> 20) & 0xffc;
  }
  return std::nullopt;
}

std::optional<PortType> ConfigSpace::port_type() const {
  const auto express = capability(kExpress);
  if (!express) return std::nullopt;
  return static_cast<PortType>(byte(*express + 2) >> 4);
}

bool ConfigSpace::has_flr() const {
  const auto express = capability(kExpress);
  return express && (dword(*express + 4) & 0x10000000) != 0;
}

bool ConfigSpace::has_af_flr() const {
  const auto features = capability(kAdvancedFeatures);
  return features && (byte(*features + 3) & 0x03) == 0x03;
}

bool ConfigSpace::signals_wakeup() const {
  constexpr std::uint16_t kPmeStates = 0xf800;
  const auto at = capability(kPowerManagement);
  return at && (word(*at + 2) & kPmeStates) != 0;
}
bool ConfigSpace::has_pm_reset() const {
  const auto power = capability(kPowerManagement);
  return power && (byte(*power + 4) & 0x08) == 0;
}

std::uint8_t writable_bits(const ConfigSpace& config, std::span<const Decoder> decoders, std::size_t offset) {
  const std::uint8_t common = field_bits(kBothHeaders, offset);
  if (common != 0) return common;
  if (offset >= kFirstBar && offset < kFirstBar + 4 * bar_count(config))
    return writable_bar_bits(config, decoders, offset);
  const std::size_t rom = rom_offset(config);
  if (offset >= rom && offset < rom + 4) {
    if (decoders.size() <= kRomDecoder || decoders[kRomDecoder].size == 0) return 0;
    return static_cast<std::uint8_t>(byte_of(~(decoders[kRomDecoder].size - 1), offset - rom) |
                                     (offset == rom ? 1 : 0));
  }
  if (offset < 0x40) return config.is_bridge() ? field_bits(kBridgeHeader, offset) : std::uint8_t{0};
  for (const CapabilityField& field : kCapabilityFields) {
    const auto at = config.capability(field.id);
    if (at && *at + field.offset == offset) return field.bits;
  }
  // What no capability has is memory. Source: QEMU hw/pci/pci.c, pci_init_wmask()
  return is_free(config, offset) ? std::uint8_t{0xff} : std::uint8_t{0};
}

ConfigSpace after_hardware_reset(ConfigSpace config) {
  config.set_word(kCommand, 0);
  for (std::size_t bar = 0; bar < bar_count(config); ++bar) {
    const std::size_t at = kFirstBar + 4 * bar;
    const std::uint8_t kept = is_upper_half(config, bar) ? std::uint8_t{0} : kind_bits(config.dword(at));
    config.set(at, 0, static_cast<std::uint8_t>(~kept));
    for (std::size_t byte = 1; byte < 4; ++byte) config.set(at + byte, 0);
  }
  for (std::size_t byte = 0; byte < 4; ++byte) config.set(rom_offset(config) + byte, 0);
  config.set(kInterruptLine, 0);
  if (config.is_bridge()) {
    for (const HeaderField& field : kBridgeHeader) {
      for (std::size_t at = field.first; at <= field.last; ++at) config.set(at, 0, field.bits);
    }
  }
  for (const CapabilityField& field : kCapabilityFields) {
    if (const auto at = config.capability(field.id)) config.set(*at + field.offset, 0, field.bits);
  }
  return config;
}

bool decodes_at(const ConfigSpace& config, std::span<const Decoder> decoders) {
  const std::size_t count = std::min(bar_count(config), decoders.size());
  for (std::size_t bar = 0; bar < count; ++bar) {
    if (decoders[bar].size == 0) continue;
    const std::uint32_t low = config.dword(kFirstBar + 4 * bar);
    if ((low & ~static_cast<std::uint32_t>(kind_bits(low))) != (decoders[bar].base & 0xffffffff)) return false;
  }
  return true;
}

ConfigSpace decoding_at(ConfigSpace config, std::span<const Decoder> decoders) {
  const std::size_t count = std::min(bar_count(config), decoders.size());
  for (std::size_t bar = 0; bar < count; ++bar) {
    if (decoders[bar].size == 0) continue;
    const bool wide = bar + 1 < count && is_upper_half(config, bar + 1);
    for (std::size_t byte = 0; byte < (wide ? 8 : 4); ++byte) {
      const std::size_t at = kFirstBar + 4 * bar + byte;
      const std::uint8_t kept = byte == 0 ? kind_bits(config.dword(at)) : std::uint8_t{0};
      config.set(at, byte_of(decoders[bar].base, byte), static_cast<std::uint8_t>(~kept));
    }
  }
  return config;
}

}  // namespace busproof::fakesys
