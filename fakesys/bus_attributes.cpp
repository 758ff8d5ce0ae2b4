// Groups, slots, modules, and the bus as a whole.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "fakesys/attribute_parts.h"
#include "fakesys/numbers.h"

namespace busproof::fakesys {
namespace {

struct TypeName {
  std::string_view name;
  DomainType type;
};
constexpr std::array kTypeNames = {TypeName{"DMA", DomainType::Dma}, TypeName{"DMA-FQ", DomainType::DmaFq},
                                   TypeName{"identity", DomainType::Identity},
                                   TypeName{"blocked", DomainType::Blocked}};

Text show_group_type(const Host& h, const Node& n) {
  const DomainType type = h.model.group(n.number)->type;
  return line(std::string(std::ranges::find(kTypeNames, type, &TypeName::type)->name));
}
Effect store_group_type(Host& h, const Node& n, const StoreCall& call) {
  if (call.caller != Caller::Root) return refuse(EACCES);
  if (h.model.profile.group_type == GroupTypeRule::ReadOnly) return refuse(EACCES);
  const std::string_view word = streq_name(call.data);
  const Group& group = *h.model.group(n.number);
  DomainType wanted = group.default_type;
  if (word != "auto") {
    const auto* found = std::ranges::find(kTypeNames, word, &TypeName::name);
    if (found == kTypeNames.end() || found->type == DomainType::Blocked) return refuse(EINVAL);
    wanted = found->type;
  }
  Task set{.step = Step::SetGroupType, .driver = static_cast<int>(wanted), .number = n.number};
  // Newer kernels look at the group alone, and wait for nobody.
  const bool takes_lock = h.model.profile.group_type == GroupTypeRule::OneUnbound;
  if (!takes_lock || group.members.size() != 1) return {0, {std::move(set)}};
  const DeviceRef only = h.model.ref(group.members.front());
  return {0, {{.step = Step::Lock, .device = only}, std::move(set), {.step = Step::Unlock, .device = only}}};
}
Text show_reserved_regions(const Host& h, const Node& n) {
  for (const auto& [number, recorded] : h.facts->groups) {
    if (number != n.number) continue;
    if (const auto* attribute = recorded.attribute("reserved_regions"); attribute != nullptr && attribute->text) {
      return {0, *attribute->text};
    }
  }
  return line("0x00000000fee00000 0x00000000feefffff msi");
}

Text show_alignment(const Host& h, const Node&) { return {0, h.resource_alignment}; }
Effect store_alignment(Host& h, const Node&, const StoreCall& call) {
  constexpr std::size_t kTooLong = 4095;
  if (call.data.size() >= kTooLong) return refuse(EINVAL);
  const std::string_view text = c_string(call.data.substr(0, call.data.find('\n')));
  h.resource_alignment = text.empty() ? std::string() : std::string(text) + '\n';
  return done();
}

bool slot_has_switch(const Host& h, const Node& n) {
  const auto& slot = h.model.slots()[static_cast<std::size_t>(n.number)];
  return slot.recorded != nullptr && slot.recorded->attribute("power") != nullptr;
}
bool slot_has_adapter(const Host& h, const Node& n) {
  const auto& slot = h.model.slots()[static_cast<std::size_t>(n.number)];
  return slot.recorded != nullptr && slot.recorded->attribute("adapter") != nullptr;
}
/// Slots of PCI Express itself, not of firmware: these have lights, and say so when there is nothing to switch.
bool slot_is_native(const Host& h, const Node& n) {
  return h.model.slots()[static_cast<std::size_t>(n.number)].of_port;
}
bool slot_has_attention(const Host& h, const Node& n) {
  const auto& slot = h.model.slots()[static_cast<std::size_t>(n.number)];
  return slot.recorded != nullptr && !slot_is_native(h, n) && slot.recorded->attribute("attention") != nullptr;
}
bool slot_has_latch(const Host& h, const Node& n) {
  const auto& slot = h.model.slots()[static_cast<std::size_t>(n.number)];
  return slot.recorded != nullptr && slot.recorded->attribute("latch") != nullptr;
}
/// What firmware says of a slot changes only when it is ejected: a card that the kernel has removed is still in it.
bool slot_powered(const Host& h, const Node& n) {
  const auto& slot = h.model.slots()[static_cast<std::size_t>(n.number)];
  if (slot.ejected) return false;
  const RecordedAttribute* at_boot = slot.recorded == nullptr ? nullptr : slot.recorded->attribute("power");
  return at_boot != nullptr && at_boot->text == "1\n";
}
Text show_slot_power(const Host& h, const Node& n) { return flag_line(slot_powered(h, n)); }
Text show_slot_latch(const Host& h, const Node& n) { return flag_line(!slot_powered(h, n)); }
/// Firmware slots have no attention light.
Text show_attention(const Host&, const Node&) { return {EINVAL, {}}; }
Effect store_attention(Host&, const Node&, const StoreCall&) { return refuse(ENODEV); }
Text show_slot_address(const Host& h, const Node& n) {
  const auto& slot = h.model.slots()[static_cast<std::size_t>(n.number)];
  return line(fmt::format("{:04x}:{:02x}:{:02x}", slot.segment, slot.bus, slot.device));
}
Effect store_slot_power(Host& h, const Node& n, const StoreCall& call) {
  const auto index = static_cast<std::size_t>(n.number);
  const std::uint64_t number = decimal_prefix(c_string(call.data)) & 0xff;
  if (number > 1) return refuse(EINVAL);
  if (number == 1 || !slot_powered(h, n)) return slot_is_native(h, n) ? refuse(ENODEV) : done();
  return {0, h.model.eject_tasks(index)};
}

template <auto kMember>
Text show_parameter(const Host& h, const Node&) {
  return line(h.model.*kMember ? "Y" : "N");
}
template <auto kMember>
Effect store_parameter(Host& h, const Node&, const StoreCall& call) {
  const auto on = kernel_bool(call.data);
  if (!on) return refuse(EINVAL);
  h.model.*kMember = *on;
  return done();
}
/// Parameters are told apart by name alone: no two modules that matter here share one.
bool has_parameter(const Host& h, const Node& n, std::string_view module, std::string_view name) {
  const Module& found = *h.model.modules()[static_cast<std::size_t>(n.number)];
  return found.name == module && h.model.profile.vfio_pf >= (name == "enable_sriov");
}
bool has_enable_sriov(const Host& h, const Node& n) { return has_parameter(h, n, "vfio_pci", "enable_sriov"); }
bool has_idle_d3(const Host& h, const Node& n) { return has_parameter(h, n, "vfio_pci", "disable_idle_d3"); }
bool has_unsafe(const Host& h, const Node& n) {
  return has_parameter(h, n, "vfio_iommu_type1", "allow_unsafe_interrupts");
}

constexpr auto kBusRows = [] {
  using enum Place;
  return std::array{
      AttributeRow{BusPci, "resource_alignment", 0644, nullptr, show_alignment, store_alignment},
      AttributeRow{SlotDir, "adapter", 0444, slot_has_adapter, show_slot_power, nullptr},
      AttributeRow{SlotDir, "address", 0444, nullptr, show_slot_address, nullptr},
      AttributeRow{SlotDir, "attention", 0644, slot_has_attention, show_attention, store_attention, ReadLock::None,
                   false, true},
      AttributeRow{SlotDir, "latch", 0444, slot_has_latch, show_slot_latch, nullptr},
      AttributeRow{SlotDir, "power", 0644, slot_has_switch, show_slot_power, store_slot_power},
      AttributeRow{GroupDir, "reserved_regions", 0444, nullptr, show_reserved_regions, nullptr},
      AttributeRow{GroupDir, "type", 0644, nullptr, show_group_type, store_group_type},
      AttributeRow{ModuleParameters, "allow_unsafe_interrupts", 0644, has_unsafe,
                   show_parameter<&Model::allow_unsafe_interrupts>, store_parameter<&Model::allow_unsafe_interrupts>},
      AttributeRow{ModuleParameters, "disable_idle_d3", 0644, has_idle_d3, show_parameter<&Model::vfio_disable_idle_d3>,
                   store_parameter<&Model::vfio_disable_idle_d3>},
      AttributeRow{ModuleParameters, "enable_sriov", 0644, has_enable_sriov, show_parameter<&Model::vfio_enable_sriov>,
                   store_parameter<&Model::vfio_enable_sriov>},
  };
}();

}  // namespace

std::span<const AttributeRow> bus_rows() { return kBusRows; }

}  // namespace busproof::fakesys
