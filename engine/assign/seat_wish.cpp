#include "engine/assign/seat_wish.h"

#include <algorithm>
#include <variant>

#include "engine/topology/controller_rules.h"

namespace busproof::assign {
namespace {

using domain::Device;
using pci::ControllerModel;
using topology::Family;
using topology::SlotKind;
using topology::SlotWish;
using topology::Want;

bool has_model(const Device& device, ControllerModel model) {
  return is_pci_controller(device) && device.controller->pci_model == model;
}

const HostCard* card_of(const Device& device, const HostCards& cards) {
  if (cards.empty() || !device.host_address) return nullptr;
  const auto card = cards.find(*device.host_address);
  return card == cards.end() ? nullptr : &card->second;
}

bool is_pci_or_unwritten(const Device& device) {
  return std::holds_alternative<domain::NoAddress>(device.address) ||
         std::holds_alternative<domain::PciAddress>(device.address);
}

SlotWish model_wish(Want want, SlotKind express) {
  switch (want) {
    case Want::Conventional:
      return endpoint_wish(SlotKind::PciDevice);
    case Want::Express:
      return endpoint_wish(express);
    case Want::Integrated: {
      SlotWish wish = endpoint_wish(express);
      wish.integrated = true;
      return wish;
    }
    case Want::Nothing:
    case Want::Impossible:
      break;
  }
  return {};
}

}  // namespace

bool is_root(const Device& device) { return is_pci_controller(device) && pci::is_root(device.controller->pci_model); }

MachineFacts facts_of(const domain::Domain& domain) {
  MachineFacts facts;
  facts.family = topology::family_of(domain.arch, domain.machine).value_or(Family::NoPciOther);
  facts.roots = facts.family == Family::Pseries ? Roots::Several : Roots::One;
  facts.has_zpci = facts.family == Family::S390;
  facts.seats_devices = facts.family != Family::NoPciOther;
  for (const Device& device : domain.devices) {
    if (!is_pci_controller(device)) continue;
    facts.highest_index = std::max(facts.highest_index, std::int64_t{*device.controller->index});
    if (device.controller->index != 0) continue;
    facts.root_is_pci = facts.root_is_pci || has_model(device, ControllerModel::PciRoot);
    facts.root_is_pcie = facts.root_is_pcie || has_model(device, ControllerModel::PcieRoot);
  }
  return facts;
}

SlotWish endpoint_wish(SlotKind kind) {
  SlotWish wish;
  wish.kind = kind;
  wish.endpoint_seating = true;
  return wish;
}

SlotWish controller_wish(ControllerModel model) {
  const topology::ControllerRule& rule = topology::rule_for(model);
  SlotWish wish;
  wish.kind = rule.asks_for;
  wish.shares_slot = rule.shares_slot;
  return wish;
}

SlotWish wish_of(const Device& device, Want want, Written written, const MachineFacts& machine,
                 const HostCards& cards) {
  if (is_pci_controller(device))
    return controller_wish(device.controller->pci_model.value_or(ControllerModel::PciRoot));
  const SlotKind express = machine.root_is_pcie ? SlotKind::PcieDevice : SlotKind::PciDevice;
  SlotWish wish = model_wish(want, express);
  const bool is_written = written == Written::Yes;
  // An address in the XML settles the matter before the virtio model is looked at.
  if (device.kind == domain::DeviceKind::Hostdev && is_written && wish.kind == SlotKind::PciDevice) wish.kind = express;
  if (const HostCard* card = card_of(device, cards)) {
    if (card->conventional && !is_written && wish.kind == SlotKind::PcieDevice) wish.kind = SlotKind::PciDevice;
    if (card->iommu_group && machine.roots == Roots::Several) wish.group = *card->iommu_group + 1;
  }
  return wish;
}

Ask ask_of(const Device& device, const MachineFacts& machine, const HostCards& cards) {
  Ask ask;
  const bool is_port = is_pci_controller(device);
  if (!is_port) ask.want = topology::wants(device);
  if (is_pci_or_unwritten(device) && (is_port ? !is_root(device) : ask.want != Want::Nothing))
    ask.step = topology::seating_step(device);
  if (ask.step) ask.wish = wish_of(device, ask.want, Written::No, machine, cards);
  ask.usb2_function = topology::usb2_function(device);
  return ask;
}

std::vector<Ask> asks_of(const domain::Domain& domain, const HostCards& cards) {
  const MachineFacts machine = facts_of(domain);
  std::vector<Ask> asks;
  asks.reserve(domain.devices.size());
  for (const Device& device : domain.devices) asks.push_back(ask_of(device, machine, cards));
  return asks;
}

}  // namespace busproof::assign
