#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/pci/address.h"
#include "fakesys/config_space.h"

namespace busproof::fakesys {

struct RecordedDirectory;  // what the view knows of a function and the model does not

/// What a function's config space says about who it is.
struct Identity {
  std::uint16_t vendor = 0, device = 0, subvendor = 0, subdevice = 0;
  std::uint32_t class_code = 0;  ///< 24 bits
  std::uint8_t revision = 0;
  friend bool operator==(const Identity&, const Identity&) = default;
};

struct SriovFacts {
  unsigned total = 0, offset = 0, stride = 0;
  std::uint16_t vf_device = 0;
  bool dead_vfs = false;  ///< the controllers of its VFs never become ready
  friend bool operator==(const SriovFacts&, const SriovFacts&) = default;
};

/// How a function was found when its host was recorded: what it goes back to when its driver comes back.
struct BootFacts {
  std::string driver;  ///< empty: none
  bool runtime_auto = false;
  int runtime_held = 0;  ///< what the driver adds to the runtime usage count
};

/// One function of a card as it sits in the machine, whether the kernel knows of it or not. Never changes.
struct Function {
  pci::HostAddress address;
  Identity identity{};
  ConfigSpace config{};
  std::vector<Decoder> decoders{};          ///< the six BARs and the ROM
  std::optional<std::uint8_t> secondary{};  ///< a bridge's bus
  int numa_node = -1;
  bool d3cold_allowed = false;
  std::optional<SriovFacts> sriov{};
  bool is_virtual = false;       ///< a VF; `physical` is its PF's address then
  bool dead_controller = false;  ///< answers, but its controller never becomes ready
  std::optional<pci::HostAddress> physical{};
  BootFacts boot{};
  std::shared_ptr<const Function> parent{};  ///< the bridge it sits behind; none on a root bus
  std::uint8_t root_bus = 0;
  std::shared_ptr<const RecordedDirectory> recorded{};
};
using FunctionPtr = std::shared_ptr<const Function>;

}  // namespace busproof::fakesys
