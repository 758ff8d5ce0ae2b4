#include "engine/assign/zpci_ids.h"

#include <fmt/format.h>

#include <variant>

#include "engine/topology/machine_rules.h"

namespace busproof::assign {
namespace {

constexpr std::uint32_t kUidMax = 0xffff;

}  // namespace

std::uint32_t ZpciIds::Numbers::free_number() {
  while (used.contains(lowest_free)) ++lowest_free;
  return lowest_free;
}

Result<void> ZpciIds::complete(domain::ZpciIds& ids) {
  if (!ids.uid) {
    ids.uid = uids_.free_number();
    if (*ids.uid > kUidMax)
      return refused("E314", "internal error: There is no more free uid.", "a domain has at most 65535 zPCI devices");
  }
  if (!ids.fid) ids.fid = fids_.free_number();
  // libvirt prints both in octal. Source: libvirt 9.0.0 domain_addr.c, "%o".
  if (!uids_.used.insert(*ids.uid).second)
    return refused("E314", fmt::format("internal error: zPCI uid {:o} is already reserved", *ids.uid),
                   fmt::format("uid {:#x} is in use by another device; write a free uid, or none", *ids.uid));
  if (!fids_.used.insert(*ids.fid).second)
    return refused("E314", fmt::format("internal error: zPCI fid {:o} is already reserved", *ids.fid),
                   fmt::format("fid {:#x} is in use by another device; write a free fid, or none", *ids.fid));
  return {};
}

std::vector<std::string> zpci_warnings(const domain::Domain& placed) {
  std::vector<std::string> warnings;
  if (topology::family_of(placed.arch, placed.machine) != topology::Family::S390) return warnings;
  for (const domain::Device& device : placed.devices) {
    const auto* pci = std::get_if<domain::PciAddress>(&device.address);
    const bool is_added = device.controller && device.element == domain::kNoElement;
    if (!is_added || pci == nullptr || pci->zpci.uid) continue;
    warnings.push_back(
        fmt::format("{0}, which libvirt adds, gets its zPCI uid and fid only when the stored config is defined again, "
                    "which changes it; <controller type='pci' index='{1}' model='{2}'/> in the XML gets them at once",
                    display_name(placed, device), *device.controller->index, device.model));
  }
  return warnings;
}

}  // namespace busproof::assign
