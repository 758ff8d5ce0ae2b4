#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>

#include "engine/abi/snapshot.h"
#include "engine/abi/unplaced.h"
#include "engine/assign/assign.h"
#include "engine/base/finding.h"
#include "engine/base/result.h"
#include "engine/domain/xml_document.h"
#include "engine/pci/address.h"
#include "engine/topology/bus_numbers.h"

/// From the name of a file to the placed domain that its XML comes to.
namespace busproof::cli {

/// How much of a config is wanted; more takes longer.
enum class Wanted : std::uint8_t {
  Places,   ///< where everything sits
  Reasons,  ///< and why
  Guest,    ///< where it sits and all else that the guest sees
};

/// What a config says of its guest.
struct GuestSide {
  abi::Unplaced unplaced;
  topology::NumberedBuses numbered;
  abi::AbiSnapshot snapshot;
};

/// A config that libvirt would take, completed as libvirt would complete it.
struct Config {
  std::string name;  ///< as messages call its file
  domain::XmlDocument document;
  assign::Assignment assignment;
  std::optional<GuestSide> guest;  ///< with Wanted::Guest
};

/// Why there is no Config, and the text that the error's offset leads into.
struct BadConfig {
  std::string name, text;
  Error error;
};

using ConfigResult = std::expected<Config, BadConfig>;

/// The config that the text spells; messages call it `name`.
ConfigResult config_of(std::string name, std::string text, Wanted wanted);

/// The config in that file; "-" is standard input.
ConfigResult load_config(const std::string& path, Wanted wanted);

/// The NUMA nodes of a host's cards.
using NodeOfCard = std::map<pci::HostAddress, int>;

/// What there is to say of the config alone, sorted; it was loaded with Wanted::Guest. `cards` are those of the host
/// that it is meant for, as far as that is known.
Findings lint_of(const Config& config, const NodeOfCard& cards);

/// The message about it, for stderr.
std::string error_text(const BadConfig& bad);

}  // namespace busproof::cli
