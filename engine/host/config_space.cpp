#include "engine/host/config_space.h"

#include <algorithm>
#include <array>

namespace busproof::host {
namespace {

constexpr std::size_t kStandardSize = 256, kHeaderSize = 64;
constexpr std::size_t kHeaderType = 0x0e, kPrimaryBus = 0x18, kCapabilities = 0x34;
constexpr unsigned kMultifunction = 0x80, kHeaderTypeMax = 2, kBridge = 1;
constexpr std::size_t kCapabilitiesMax = 48;           // as many as fit between 0x40 and 0xff
constexpr std::size_t kExtendedCapabilitiesMax = 480;  // and between 0x100 and 0xfff
constexpr unsigned kIsolatingControls =
    0x1d;  // source validation, request and completion redirect, upstream forwarding

/// The registers that we have, little-endian.
class Registers {
 public:
  explicit Registers(std::string bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] bool has(std::size_t offset, std::size_t count) const { return offset + count <= bytes_.size(); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::uint8_t byte(std::size_t offset) const {
    return has(offset, 1) ? static_cast<std::uint8_t>(bytes_[offset]) : std::uint8_t{0};
  }
  [[nodiscard]] std::uint32_t word(std::size_t offset) const {
    return byte(offset) | static_cast<std::uint32_t>(byte(offset + 1)) << 8;
  }
  [[nodiscard]] std::uint32_t dword(std::size_t offset) const { return word(offset) | word(offset + 2) << 16; }

 private:
  std::string bytes_;
};

Known known(bool yes) { return yes ? Known::Yes : Known::No; }

/// One row a capability that we know: what to note of it when it is met at `at`.
struct CapabilityRow {
  std::uint8_t id;
  void (*note)(const Registers&, std::size_t at, ConfigFacts&);
};

void note_power_management(const Registers& registers, std::size_t at, ConfigFacts& facts) {
  constexpr unsigned kNoSoftReset = 0x08;
  facts.power_management = Known::Yes;
  if (registers.has(at, 6)) facts.pm_reset = known((registers.byte(at + 4) & kNoSoftReset) == 0);
}

void note_express(const Registers& registers, std::size_t at, ConfigFacts& facts) {
  constexpr std::uint32_t kFunctionLevelReset = 1U << 28;
  facts.express = Known::Yes;
  if (!registers.has(at, 8)) return;
  facts.port_type = static_cast<pci::PortType>(registers.byte(at + 2) >> 4);
  facts.flr = known((registers.dword(at + 4) & kFunctionLevelReset) != 0);
}

void note_advanced_features(const Registers& registers, std::size_t at, ConfigFacts& facts) {
  constexpr unsigned kResetsAndReportsPending = 0x03;
  if (registers.has(at, 4))
    facts.af_flr = known((registers.byte(at + 3) & kResetsAndReportsPending) == kResetsAndReportsPending);
}

constexpr std::array kCapabilityRows = {
    CapabilityRow{pci::kPowerManagement, note_power_management},
    CapabilityRow{pci::kExpress, note_express},
    CapabilityRow{pci::kAdvancedFeatures, note_advanced_features},
};

/// Whether the list was seen to its end.
bool walk_capabilities(const Registers& registers, ConfigFacts& facts) {
  if ((registers.word(pci::kStatus) & pci::kStatusCapabilities) == 0) return true;
  std::size_t at = registers.byte(kCapabilities) & 0xfcU;
  for (std::size_t count = 0; at >= kHeaderSize; ++count) {
    if (!registers.has(at, 2)) return false;
    if (count == kCapabilitiesMax) {
      facts.trouble = "capability-loop";
      return true;
    }
    for (const CapabilityRow& row : kCapabilityRows)
      if (row.id == registers.byte(at)) row.note(registers, at, facts);
    if (registers.byte(at + 1) == 0xff) return true;
    at = registers.byte(at + 1) & 0xfcU;
  }
  return true;
}

void walk_extended(const ConfigReader& read, ConfigFacts& facts) {
  std::size_t at = kStandardSize;
  for (std::size_t count = 0; at >= kStandardSize; ++count) {
    const Registers node(read(at, 8));
    if (!node.has(0, 8)) return;
    facts.visible = std::max(facts.visible, at + node.size());
    if (count == kExtendedCapabilitiesMax) {
      facts.trouble = "capability-loop";
      return;
    }
    if ((node.dword(0) & 0xffff) == pci::kAcs) {
      facts.acs = Known::Yes;
      facts.acs_isolates = known((node.word(6) & kIsolatingControls) == kIsolatingControls);
      return;
    }
    if (node.dword(0) == 0 || node.dword(0) == 0xffffffff) break;
    at = node.dword(0) >> 20 & 0xffcU;
  }
  facts.acs = facts.acs_isolates = Known::No;
}

/// What was not met is absent if the whole list was seen.
void settle(Known& fact, bool saw_all) {
  if (fact == Known::Unknown && saw_all) fact = Known::No;
}

}  // namespace

ConfigFacts read_config(const ConfigReader& read, bool is_virtual_function) {
  const Registers registers(read(0, kStandardSize));
  ConfigFacts facts;
  facts.visible = registers.size();
  const std::size_t witness = is_virtual_function ? pci::kCommand : 0;
  if (!registers.has(witness, 4)) return facts;
  facts.responding = known(registers.dword(witness) != 0xffffffff);
  if (facts.responding == Known::No || !registers.has(0, kHeaderSize)) return facts;

  facts.header = static_cast<std::uint8_t>(registers.byte(kHeaderType) & ~kMultifunction);
  facts.multifunction = (registers.byte(kHeaderType) & kMultifunction) != 0;
  if (*facts.header > kHeaderTypeMax) facts.trouble = "unknown header type " + std::to_string(*facts.header);
  if (*facts.header == kBridge) {
    facts.primary = registers.byte(kPrimaryBus);
    facts.secondary = registers.byte(kPrimaryBus + 1);
    facts.subordinate = registers.byte(kPrimaryBus + 2);
  }
  const bool saw_all = walk_capabilities(registers, facts);
  for (Known* fact : {&facts.power_management, &facts.pm_reset, &facts.express, &facts.flr, &facts.af_flr})
    settle(*fact, saw_all);
  if (facts.express == Known::Yes) walk_extended(read, facts);
  if (facts.express == Known::No) facts.acs = facts.acs_isolates = Known::No;
  return facts;
}

}  // namespace busproof::host
