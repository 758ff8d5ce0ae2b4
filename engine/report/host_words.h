#pragma once

#include <string>
#include <string_view>

#include "engine/host/inventory.h"

/// The words that reports on hosts share.
namespace busproof::report {

/// "display", "Ethernet", "NVMe", "PCI bridge"; "0c80" for a kind that has no word here.
std::string kind_word(std::uint32_t kind);

/// "nouveau", "vfio-pci (override)", "- (override none)".
std::string driver_word(const host::HostDevice& device);

/// Whatever else bears on giving the device away: "VF of 0000:0a:00.0; eth0; in use: eth0 has an address".
std::string notes_of(const host::HostDevice& device);

}  // namespace busproof::report
