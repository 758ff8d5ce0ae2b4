#include "engine/domain/address.h"

#include <array>

namespace busproof::domain {
namespace {

/// In the order of the variant's alternatives.
constexpr std::array<std::string_view, std::variant_size_v<DeviceAddress>> kTypeNames = {
    "none",        "pci", "drive",       "virtio-serial", "ccid", "usb",        "spapr-vio",
    "virtio-s390", "ccw", "virtio-mmio", "isa",           "dimm", "unassigned",
};

}  // namespace

std::string_view type_name(const DeviceAddress& address) { return kTypeNames[address.index()]; }

}  // namespace busproof::domain
