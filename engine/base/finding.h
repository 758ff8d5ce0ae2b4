#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace busproof {

/// The worst first, so that sorted findings begin with what matters.
enum class Severity : std::uint8_t {
  Error,    ///< the guest will notice, or libvirt will refuse
  Warning,  ///< cannot be decided
  Info,
};
constexpr std::string_view to_string(Severity severity) {
  constexpr std::string_view kNames[] = {"error", "warning", "info"};
  return kNames[static_cast<std::size_t>(severity)];
}

/// Who makes something of a change, and what.
enum class Observer : std::uint8_t { Linux, Windows, Firmware, Migration };
constexpr std::string_view to_string(Observer observer) {
  constexpr std::string_view kNames[] = {"Linux", "Windows", "UEFI", "migration"};
  return kNames[static_cast<std::size_t>(observer)];
}

struct Witness {
  Observer observer{};
  std::string text;  ///< "enp1s0 becomes enp2s0"; without full stop
  friend auto operator<=>(const Witness&, const Witness&) = default;
};

/// Where the element is that a finding is about: a byte offset into the text of the old or the new config, or of the
/// only one. Whoever knows the file turns it into line and column.
struct Place {
  enum class Side : std::uint8_t { Old, New };
  Side side = Side::New;
  std::size_t offset = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};

/// One thing that a rule has to say of one config or of two. Comparing gives the order of reports: the worst first,
/// then by rule and device.
struct Finding {
  Severity severity{};
  std::string rule;              ///< stable id: "BP101"
  std::string device;            ///< "interface 52:54:00:aa:bb:cc"; empty when the whole domain is meant
  std::string change;            ///< "0000:01:00.0 -> 0000:02:00.0", or what is wrong; without full stop
  std::vector<Witness> witness;  ///< what comes of it
  std::string reason;            ///< the rule's one line: why it matters
  std::string remedy;            ///< and what would help
  Place place{};
  friend auto operator<=>(const Finding&, const Finding&) = default;
};

/// Sorted; the same finding twice is one.
using Findings = std::vector<Finding>;

}  // namespace busproof
