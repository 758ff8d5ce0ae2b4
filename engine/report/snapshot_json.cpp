#include "engine/report/snapshot_json.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "engine/abi/consequences.h"
#include "engine/report/json.h"

namespace busproof::report {
namespace {

void put(Json& json, const char* key, const std::string& value) {
  if (!value.empty()) json[key] = value;
}
template <class Number>
void put(Json& json, const char* key, const std::optional<Number>& value) {
  if (value) json[key] = *value;
}

Json details_of(const std::vector<domain::DetailValue>& details) {
  Json json = Json::object();
  for (const domain::DetailValue& detail : details) json[std::string(to_string(detail.detail))] = detail.value;
  return json;
}

Json place_of(const abi::PciPlace& place) {
  Json json{{"address", to_string(place.at)}, {"multifunction", place.multifunction}};
  json["guest_bus"] = place.seen ? Json(place.seen->bus) : Json(nullptr);
  if (place.seen && place.seen->segment > 0) json["guest_domain"] = place.seen->segment;
  if (place.seen && place.seen->slot)
    json["hotplug_slot"] = {{"number", place.seen->slot->number},
                            {"of", place.seen->slot->of == abi::HotplugSlot::Of::Device ? "device" : "bridge"}};
  if (place.seen) put(json, "onboard_index", place.seen->onboard);
  json["path"] = uefi_path(place.path);
  json["controllers_above"] = place.above;
  put(json, "numa_node", place.node);
  put(json, "zpci_uid", place.zpci_uid);
  put(json, "zpci_fid", place.zpci_fid);
  return json;
}

Json controller_of(const abi::AbiController& controller) {
  Json json{{"type", to_string(controller.type)}, {"index", controller.index}};
  if (controller.pci_model) json["model"] = to_string(*controller.pci_model);
  put(json, "model_name", controller.model_name);
  put(json, "chassis_nr", controller.chassis_nr);
  put(json, "chassis", controller.chassis);
  put(json, "port", controller.port);
  put(json, "bus_nr", controller.bus_nr);
  put(json, "target_index", controller.target_index);
  put(json, "node", controller.node);
  json["hotplug"] = controller.hotplug;
  put(json, "ports", controller.ports);
  put(json, "master_start", controller.master_start);
  put(json, "guest_bus", controller.guest_bus);
  return json;
}

Json device_of(const abi::AbiDevice& device) {
  Json json{{"kind", to_string(device.kind)}, {"name", display_name(device)}};
  put(json, "alias", device.alias);
  put(json, "mac", device.mac);
  put(json, "target", device.target);
  put(json, "host", device.host);
  put(json, "type", device.type);
  put(json, "model", device.model);
  if (device.controller) json["controller"] = controller_of(*device.controller);
  if (device.pci) json["pci"] = place_of(*device.pci);
  put(json, "address", device.address);
  if (device.primary) json["primary"] = true;
  put(json, "acpi_index", device.acpi_index);
  put(json, "boot_order", device.boot_order);
  if (!device.details.empty()) json["details"] = details_of(device.details);
  return json;
}

}  // namespace

std::string snapshot_json(const abi::AbiSnapshot& snapshot) {
  Json json;
  put(json, "name", snapshot.name);
  put(json, "uuid", snapshot.uuid);
  put(json, "virt_type", snapshot.virt_type);
  json["arch"] = snapshot.arch;
  json["machine"] = snapshot.machine;
  json["acpi"] = snapshot.has_acpi;
  json["details"] = details_of(snapshot.details);
  json["devices"] = Json::array();
  for (const abi::AbiDevice& device : snapshot.devices) json["devices"].push_back(device_of(device));
  return dumped(json) + "\n";
}

// clang-format off
const std::string_view kSnapshotSchema = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "What the guest of a libvirt domain can see of it",
  "type": "object",
  "required": ["arch", "machine", "acpi", "details", "devices"],
  "additionalProperties": false,
  "properties": {
    "name": {"type": "string"},
    "uuid": {"type": "string"},
    "virt_type": {"type": "string"},
    "arch": {"type": "string"},
    "machine": {"type": "string", "description": "as the XML spells it; an alias is not resolved"},
    "acpi": {"type": "boolean"},
    "details": {"$ref": "#/$defs/details"},
    "devices": {"type": "array", "items": {"$ref": "#/$defs/device"}}
  },
  "$defs": {
    "details": {
      "type": "object",
      "description": "other properties, by name; sizes in bytes",
      "additionalProperties": {"type": "string"}
    },
    "device": {
      "type": "object",
      "required": ["kind", "name"],
      "additionalProperties": false,
      "properties": {
        "kind": {"type": "string", "description": "the element's name"},
        "name": {"type": "string", "description": "as reports call the device"},
        "alias": {"type": "string"},
        "mac": {"type": "string"},
        "target": {"type": "string"},
        "host": {"type": "string", "description": "the device of the host behind it"},
        "type": {"type": "string"},
        "model": {"type": "string"},
        "controller": {"$ref": "#/$defs/controller"},
        "pci": {"$ref": "#/$defs/pci"},
        "address": {"type": "string", "description": "one that is not on a PCI bus"},
        "primary": {"type": "boolean"},
        "acpi_index": {"type": "integer"},
        "boot_order": {"type": "integer"},
        "details": {"$ref": "#/$defs/details"}
      }
    },
    "controller": {
      "type": "object",
      "required": ["type", "index", "hotplug"],
      "additionalProperties": false,
      "properties": {
        "type": {"type": "string"},
        "index": {"type": "integer"},
        "model": {"type": "string"},
        "model_name": {"type": "string"},
        "chassis_nr": {"type": "integer"},
        "chassis": {"type": "integer"},
        "port": {"type": "integer"},
        "bus_nr": {"type": "integer"},
        "target_index": {"type": "integer"},
        "node": {"type": "integer"},
        "hotplug": {"type": "boolean"},
        "ports": {"type": "integer"},
        "master_start": {"type": "integer"},
        "guest_bus": {"type": "integer", "description": "the number of the bus that it makes, in the guest"}
      }
    },
    "pci": {
      "type": "object",
      "required": ["address", "multifunction", "guest_bus", "path", "controllers_above"],
      "additionalProperties": false,
      "properties": {
        "address": {"type": "string", "pattern": "^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\\.[0-7]$"},
        "multifunction": {"type": "boolean"},
        "guest_bus": {"type": ["integer", "null"], "description": "null: the guest does not have the device"},
        "guest_domain": {"type": "integer", "description": "the PCI domain in the guest, where it is not the first"},
        "hotplug_slot": {
          "type": "object",
          "required": ["number", "of"],
          "additionalProperties": false,
          "properties": {"number": {"type": "integer"}, "of": {"enum": ["device", "bridge"]}}
        },
        "onboard_index": {"type": "integer"},
        "path": {
          "type": "string",
          "description": "as UEFI spells it: PciRoot(0x0)/Pci(0x2,0x1)/Pci(0x0,0x0)"
        },
        "controllers_above": {"type": "array", "items": {"type": "integer"}},
        "numa_node": {"type": "integer"},
        "zpci_uid": {"type": "integer"},
        "zpci_fid": {"type": "integer"}
      }
    }
  }
}
)json";
// clang-format on

}  // namespace busproof::report
