#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/pci/config_registers.h"
#include "fakesys/cow.h"

namespace busproof::fakesys {

using pci::kCommand, pci::kBusMaster;
using pci::kPowerManagement, pci::kMsi, pci::kExpress, pci::kMsix, pci::kAdvancedFeatures, pci::kAcs;
using pci::PortType;

// Registers of the header of every function.
inline constexpr std::size_t kFirstBar = 0x10;
inline constexpr std::size_t kRomDecoder = 6;  ///< behind those of the six BARs

/// Where the address decoders of a function sit and how far they reach: what a write to a BAR can change.
struct Decoder {
  std::uint64_t base = 0;
  std::uint64_t size = 0;  ///< 0: there is none
  friend bool operator==(const Decoder&, const Decoder&) = default;
};

/// The configuration registers of a function: 256 or 4096 bytes that answer as hardware does. Bytes of zero at the end
/// need not be kept. Copies share their bytes until written to.
class ConfigSpace {
 public:
  ConfigSpace() : bytes_(std::vector<std::uint8_t>{}) {}
  ConfigSpace(std::vector<std::uint8_t> bytes, std::size_t size) : bytes_(std::move(bytes)), size_(size) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return *bytes_; }
  [[nodiscard]] std::uint8_t byte(std::size_t offset) const {
    return offset < bytes_->size() ? (*bytes_)[offset] : std::uint8_t{0};
  }
  [[nodiscard]] std::uint16_t word(std::size_t offset) const {
    return static_cast<std::uint16_t>(byte(offset) | byte(offset + 1) << 8);
  }
  [[nodiscard]] std::uint32_t dword(std::size_t offset) const {
    return word(offset) | static_cast<std::uint32_t>(word(offset + 2)) << 16;
  }
  [[nodiscard]] std::string read(std::size_t offset, std::size_t count) const;

  /// Sets the bits of `mask` to those of `value`, whatever hardware would let a program do.
  void set(std::size_t offset, std::uint8_t value, std::uint8_t mask = 0xff);
  void set_word(std::size_t offset, std::uint16_t value, std::uint16_t mask = 0xffff);

  [[nodiscard]] bool multifunction() const { return (byte(0x0e) & 0x80) != 0; }
  [[nodiscard]] std::uint8_t header_type() const { return byte(0x0e) & 0x7f; }
  [[nodiscard]] bool is_bridge() const { return header_type() == 1; }
  /// Offset of a capability, or nothing. A list that loops ends after 48 nodes.
  [[nodiscard]] std::optional<std::size_t> capability(std::uint8_t id) const;
  [[nodiscard]] std::optional<std::size_t> extended_capability(std::uint16_t id) const;
  [[nodiscard]] std::optional<PortType> port_type() const;
  [[nodiscard]] bool has_flr() const;
  [[nodiscard]] bool has_af_flr() const;
  /// Power management is there and going to D3hot and back resets the function.
  [[nodiscard]] bool has_pm_reset() const;
  /// Whether it says itself, in some power state, that it wants the machine awake.
  [[nodiscard]] bool signals_wakeup() const;

  friend bool operator==(const ConfigSpace& a, const ConfigSpace& b) {
    return a.size_ == b.size_ && *a.bytes_ == *b.bytes_;
  }

 private:
  Cow<std::vector<std::uint8_t>> bytes_;
  std::size_t size_ = 256;
};

/// Bits of a register byte that a program can change; bits that it clears by writing ones are not among them.
std::uint8_t writable_bits(const ConfigSpace& config, std::span<const Decoder> decoders, std::size_t offset);

/// The registers as they come out of a reset of the function: decoders, commands, interrupts and power state cleared.
ConfigSpace after_hardware_reset(ConfigSpace config);

/// Whether the decoders in the registers are where the kernel put them; if not, no driver finds its device.
bool decodes_at(const ConfigSpace& config, std::span<const Decoder> decoders);
/// The registers with the decoders where the kernel puts them.
ConfigSpace decoding_at(ConfigSpace config, std::span<const Decoder> decoders);

}  // namespace busproof::fakesys
