#include "fakesys/host.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>

namespace busproof::fakesys {
const RecordedAttribute* RecordedDirectory::attribute(std::string_view name) const {
  const auto found = std::ranges::lower_bound(attributes, name, {}, &RecordedAttribute::name);
  return found != attributes.end() && found->name == name ? &*found : nullptr;
}

const RecordedDirectory* RecordedDirectory::directory(std::string_view name) const {
  const auto found =
      std::ranges::find(directories, name, [](const auto& entry) -> std::string_view { return entry.first; });
  return found == directories.end() ? nullptr : &found->second;
}

void note_host_bridges(Host& host) {
  constexpr std::string_view kConventional = "/PNP0A03:";
  constexpr std::string_view kPrefix = "pci";
  for (const Bus* bus : host.model.buses()) {
    const std::string name = fmt::format("{}{:04x}:{:02x}", kPrefix, bus->segment, bus->number);
    const auto& bridges = host.facts->host_bridges;
    const auto bridge = std::ranges::find(bridges, name, [](const auto& entry) { return entry.first; });
    if (bridge == bridges.end()) continue;
    const auto knows = [&](const auto& link) {
      return link.first == "firmware_node" && link.second.contains(kConventional);
    };
    if (std::ranges::any_of(bridge->second.links, knows)) host.model.keep_slots(bus->segment, bus->number);
  }
}

bool is_slot_of_port(const RecordedDirectory& slot) {
  return slot.attribute("power") != nullptr && slot.attribute("latch") == nullptr;
}

std::string boot_id(const Host& host) { return fmt::format("00000000-0000-4000-8000-{:012x}", host.boots); }

std::string host_bridge_name(const Function& function) {
  return fmt::format("pci{:04x}:{:02x}", function.address.segment(), function.root_bus);
}

std::string device_path(const Function& function) {
  std::string above =
      function.parent != nullptr ? device_path(*function.parent) : "devices/" + host_bridge_name(function);
  return std::move(above) + '/' + to_string(function.address);
}

std::string to_string(const Uevent& event) {
  const std::string_view action = kUeventActionNames[static_cast<std::size_t>(event.action)];
  switch (event.subsystem) {
    case UeventSubsystem::Vfio:
      return fmt::format("{} vfio /devices/virtual/vfio/{} DEVNAME=vfio/{}", action, event.number, event.number);
    case UeventSubsystem::VfioDev:
      return fmt::format("{} vfio-dev /{}/vfio-dev/vfio{}", action, device_path(*event.function), event.number);
    case UeventSubsystem::PciBus:
      return fmt::format("{} pci_bus /{}/pci_bus/{:04x}:{:02x}", action, device_path(*event.function),
                         event.function->address.segment(), event.number);
    case UeventSubsystem::Pci:
      break;
  }
  std::string text = fmt::format("{} pci /{}", action, device_path(*event.function));
  if (!event.driver.empty()) text += " DRIVER=" + event.driver;
  return text;
}

}  // namespace busproof::fakesys
