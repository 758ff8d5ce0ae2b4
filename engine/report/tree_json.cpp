#include "engine/report/tree_json.h"

#include <array>
#include <optional>
#include <vector>

#include "engine/report/device_words.h"
#include "engine/report/json.h"
#include "engine/topology/bus_numbers.h"
#include "engine/topology/buses.h"

namespace busproof::report {
namespace {

using topology::GuestBus;
using topology::Occupant;

constexpr std::array<std::string_view, 5> kLossNames = {"number-taken", "no-function-0", "no-acpi", "past-255",
                                                        "adrift"};

Json target_json(const domain::PciTarget& target) {
  Json json = Json::object();
  const auto add = [&](const char* key, std::optional<int> value) {
    if (value) json[key] = *value;
  };
  add("chassisNr", target.chassis_nr);
  add("chassis", target.chassis);
  add("port", target.port);
  add("busNr", target.bus_nr);
  add("index", target.index);
  add("node", target.node);
  if (target.hotplug != domain::Switch::Absent) json["hotplug"] = target.hotplug == domain::Switch::On;
  return json;
}

/// One domain with all that is known of its buses.
struct View {
  const domain::Domain& domain;
  topology::Buses buses = topology::buses_of(domain);
  topology::BusNumbers numbers = topology::number_buses(buses);
  std::vector<std::string> names = device_names(domain);
};

std::optional<int> numa_node(const View& view, std::size_t bus) {
  return view.buses.tells_nodes() ? node_of(view.domain, view.buses, view.buses.all[bus]) : std::nullopt;
}

Json device_json(const View& view, std::size_t bus, const Occupant& occupant) {
  const domain::Device& device = view.domain.devices[occupant.device];
  const auto place = topology::guest_place(view.numbers, bus, occupant);
  return {
      {"name", view.names[occupant.device]},
      {"element", to_string(device.kind)},
      {"alias", text_or_null(device.alias)},
      {"mac", text_or_null(device.mac)},
      {"target", text_or_null(device.target)},
      {"model", text_or_null(device.model)},
      {"host_address", device.host_address ? Json(to_string(*device.host_address)) : Json(nullptr)},
      {"address", to_string(occupant.at)},
      {"slot", occupant.at.slot()},
      {"function", occupant.at.function()},
      {"multifunction", occupant.multifunction},
      {"guest_address", place ? Json(pci::format_address_parts(*place)) : Json(nullptr)},
      {"makes_bus", occupant.makes ? Json(view.buses.all[*occupant.makes].index) : Json(nullptr)},
  };
}

Json bus_json(const View& view, std::size_t i) {
  const GuestBus& bus = view.buses.all[i];
  const GuestBus* parent = bus.parent ? &view.buses.all[*bus.parent] : nullptr;
  Json devices = Json::array();
  for (const Occupant& occupant : bus.occupants) devices.push_back(device_json(view, i, occupant));
  return {
      {"index", bus.index},
      {"model", to_string(bus.model)},
      {"parent", parent != nullptr ? Json(parent->index) : Json(nullptr)},
      {"address", parent != nullptr ? Json(to_string(parent->occupants[*bus.occupant].at)) : Json(nullptr)},
      {"target", target_json(view.domain.devices[bus.controller].controller->target)},
      {"guest_bus", or_null(view.numbers.number[i])},
      {"guest_numa_node", or_null(numa_node(view, i))},
      {"free_slots", free_slots(view.buses, i)},
      {"devices", std::move(devices)},
  };
}

Json lost_json(const View& view, const topology::LostBus& lost) {
  return {
      {"bus", view.buses.all[lost.bus].index},
      {"reason", kLossNames[static_cast<std::size_t>(lost.loss)]},
      {"number", or_null(lost.number)},
      {"taken_by", lost.taken_by ? Json(view.buses.all[*lost.taken_by].index) : Json(nullptr)},
      {"message", describe(view.buses, view.numbers, lost)},
  };
}

}  // namespace

std::string tree_json(const domain::PlacedDomain& placed, std::string_view file) {
  const View view{placed.domain()};
  Json json = {
      {"schema_version", kSchemaVersion},
      {"file", file},
      {"error", nullptr},
      {"name", view.domain.name},
      {"arch", view.domain.arch},
      {"machine", view.domain.machine},
      {"predicted", view.numbers.predicted},
      {"buses", Json::array()},
      {"lost", Json::array()},
      {"advice", Json::array()},
  };
  for (std::size_t i = 0; i < view.buses.all.size(); ++i) json["buses"].push_back(bus_json(view, i));
  for (const topology::LostBus& lost : view.numbers.lost) json["lost"].push_back(lost_json(view, lost));
  for (const topology::BusNrAdvice& advice : view.numbers.advice)
    json["advice"].push_back({{"bus", view.buses.all[advice.bus].index}, {"busNr", advice.bus_nr}});
  return dumped(json);
}

std::string tree_json(const Error& error, std::string_view text, std::string_view file) {
  return dumped({{"schema_version", kSchemaVersion}, {"file", file}, {"error", error_json(error, text)}});
}

}  // namespace busproof::report
