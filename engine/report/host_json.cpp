#include "engine/report/host_json.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "engine/report/json.h"

namespace busproof::report {
namespace {

Json address_or_null(const std::optional<host::HostAddress>& value) { return value ? Json(to_string(*value)) : Json(); }

Json list_of(const std::vector<host::HostAddress>& addresses) {
  Json out = Json::array();
  for (const auto& address : addresses) out.push_back(to_string(address));
  return out;
}

Json json_of(const host::ConfigFacts& config) {
  return {{"visible", config.visible},
          {"responding", to_string(config.responding)},
          {"header", or_null(config.header)},
          {"multifunction", config.multifunction},
          {"express", to_string(config.express)},
          {"power_management", to_string(config.power_management)},
          {"pm_reset", to_string(config.pm_reset)},
          {"flr", to_string(config.flr)},
          {"af_flr", to_string(config.af_flr)},
          {"acs", to_string(config.acs)},
          {"acs_isolates", to_string(config.acs_isolates)},
          {"secondary", or_null(config.secondary)},
          {"subordinate", or_null(config.subordinate)},
          {"trouble", config.trouble}};
}

Json json_of(const host::HostDevice& device) {
  Json uses = Json::array();
  for (const host::HostUse& use : device.uses) uses.push_back(use.what);
  return {{"address", to_string(device.address)},
          {"vendor", fmt::format("0x{:04x}", device.pin.vendor)},
          {"device", fmt::format("0x{:04x}", device.pin.device)},
          {"subvendor", fmt::format("0x{:04x}", device.pin.subvendor)},
          {"subdevice", fmt::format("0x{:04x}", device.pin.subdevice)},
          {"class", fmt::format("0x{:06x}", device.pin.class_code)},
          {"revision", fmt::format("0x{:02x}", device.pin.revision)},
          {"modalias", device.modalias},
          {"driver", or_null(device.driver)},
          {"driver_override", or_null(device.override_to)},
          {"iommu_group", or_null(device.group)},
          {"numa_node", or_null(device.numa_node)},
          {"parent", address_or_null(device.parent)},
          {"root_bus", device.root_bus},
          {"physfn", address_or_null(device.physical_function)},
          {"virtfns", list_of(device.virtual_functions)},
          {"sriov_totalvfs", or_null(device.virtual_functions_max)},
          {"net", device.interfaces},
          {"boot_vga", device.boot_vga},
          {"reset", device.has_reset},
          {"reset_methods", or_null(device.reset_methods)},
          {"vfio_dev", device.vfio_device},
          {"consumers", list_of(device.consumers)},
          {"suppliers", list_of(device.suppliers)},
          {"config", json_of(device.config)},
          {"in_use", std::move(uses)}};
}

Json json_of(const host::IommuGroup& group) {
  return {
      {"number", group.number}, {"type", group.type}, {"devices", list_of(group.members)}, {"foreign", group.foreign}};
}

template <class T>
Json all_of(std::span<const T> items) {
  Json out = Json::array();
  for (const T& item : items) out.push_back(json_of(item));
  return out;
}

std::string printed(const Json& value) { return dumped(value) + '\n'; }

}  // namespace

std::string host_json(const host::Inventory& inventory) {
  return printed({{"kernel", inventory.kernel_release},
                  {"boot_id", inventory.boot_id},
                  {"devices", all_of(std::span(inventory.devices))},
                  {"groups", all_of(std::span(inventory.groups))},
                  {"drivers", inventory.drivers},
                  {"warnings", inventory.warnings}});
}

std::string host_devices_json(std::span<const host::HostDevice> devices) { return printed(all_of(devices)); }
std::string host_groups_json(std::span<const host::IommuGroup> groups) { return printed(all_of(groups)); }

}  // namespace busproof::report
