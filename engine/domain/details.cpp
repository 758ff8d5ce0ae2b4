#include "engine/domain/details.h"

#include <array>

namespace busproof::domain {
namespace {

constexpr std::array<std::string_view, kDetailCount> kDetailNames = {
    "os type",
    "memory",
    "current memory",
    "memory backing",
    "maximum memory",
    "memory slots",
    "vcpus",
    "vcpus online",
    "generation id",
    "smbios mode",
    "firmware",
    "loader",
    "boot devices",
    "features",
    "timers",
    "timer policies",
    "cpu",
    "numa",
    "sysinfo",
    "USB redirection filter",
    "rom bar",
    "rom file",
    "rom enabled",
    "virtio iommu",
    "virtio ats",
    "virtio packed",
    "driver",
    "queues",
    "read-only",
    "serial",
    "wwn",
    "rotation rate",
    "queue size",
    "removable",
    "vendor",
    "product",
    "logical block size",
    "physical block size",
    "mtu",
    "receive queue size",
    "transmit queue size",
    "ram",
    "vram",
    "vram64",
    "vgamem",
    "heads",
    "accel2d",
    "accel3d",
    "blob",
    "display",
    "ramfb",
    "vectors",
    "pcihole64",
    "codecs",
    "role",
    "size",
    "server",
    "msi",
    "node",
    "block size",
    "requested size",
    "label size",
    "alignment",
    "persistent memory",
    "uuid",
    "backend",
    "backend version",
    "iommu driver",
    "guest cid",
    "autodeflate",
    "free page reporting",
    "port",
    "forwarded address",
};

constexpr bool all_are_named() {
  for (const std::string_view name : kDetailNames)
    if (name.empty()) return false;
  return static_cast<std::size_t>(Detail::ForwardedAddress) + 1 == kDetailCount;
}
static_assert(all_are_named());

}  // namespace

std::string_view to_string(Detail detail) { return kDetailNames[static_cast<std::size_t>(detail)]; }

}  // namespace busproof::domain
