#include "engine/host/trouble.h"

#include <array>
#include <system_error>

namespace busproof::host {

std::string_view to_string(Code code) {
  constexpr std::array<std::string_view, static_cast<std::size_t>(Code::Unreadable) + 1> kNames = {
      "no-such-device",    "device-not-responding",
      "not-assignable",    "in-use",
      "duplicate-device",  "unmanaged-not-detached",
      "not-detached",      "busy-operation",
      "pf-has-vfs",        "pf-in-group",
      "shared-id",         "group-not-viable",
      "group-busy",        "host-critical",
      "quarantined",       "backend-unsupported",
      "bad-driver-arg",    "driver-not-found",
      "driver-prohibited", "driver-refused",
      "not-a-vfio-driver", "stub-unusable",
      "journal-failed",    "ledger-failed",
      "write-failed",      "timeout",
      "bind-failed",       "native-probe-failed",
      "identity-changed",  "vanished",
      "conflict",          "native-bound",
      "no-reset-method",   "reset-not-ready",
      "reset-failed",      "dead-after-reset",
      "unreadable",
  };
  return kNames[static_cast<std::size_t>(code)];
}

Trouble trouble_of(const pci::HostAddress& address, Code code, std::string message, std::vector<std::string> hints) {
  return {.code = code, .device = to_string(address), .message = std::move(message), .hints = std::move(hints)};
}

std::string to_string(const Trouble& trouble) {
  std::string text = trouble.device.empty() ? "" : trouble.device + ": ";
  text.append(to_string(trouble.code)).append(": ").append(trouble.message);
  if (trouble.error != 0) text += ": " + error_words(trouble.error);
  return text;
}

std::string error_words(int error) { return std::generic_category().message(error); }

}  // namespace busproof::host
