#include "engine/assign/assign.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <utility>
#include <variant>
#include <vector>

#include "engine/assign/complete.h"
#include "engine/assign/seating.h"
#include "engine/assign/stored_form.h"
#include "engine/assign/target_defaults.h"
#include "engine/assign/validate.h"
#include "engine/assign/zpci_ids.h"
#include "engine/pci/address.h"
#include "engine/topology/bus_numbers.h"

namespace busproof::assign {
namespace {

using domain::Device;
using domain::Domain;
using topology::Seat;

/// Sets the bit on function 0 of every slot of which another function is in use, unless the XML says otherwise; never
/// takes it away (spec 6).
void set_multifunction(std::vector<Place>& places) {
  const auto slot_of = [](const Seat& seat) { return std::uint64_t{seat.segment} << 40 | seat.bus << 8U | seat.slot; };
  std::vector<std::uint64_t> shared;  // slots of which another function than 0 is in use
  for (const Place& place : places)
    if (place.seat && place.seat->function != 0) shared.push_back(slot_of(*place.seat));
  std::ranges::sort(shared);
  for (Place& place : places) {
    if (!place.seat || place.seat->function != 0 || !std::ranges::binary_search(shared, slot_of(*place.seat))) continue;
    if (place.multifunction == domain::Switch::Absent) place.multifunction = domain::Switch::On;
  }
}

/// A bus beyond 255 cannot be written down, and need not be: its controller's index is refused (E205) by validate().
domain::PciAddress address_at(const Place& place) {
  domain::PciAddress address;
  address.multifunction = place.multifunction;
  address.zpci = place.zpci;
  if (place.seat->bus <= pci::kBusMax)
    address.at = pci::GuestAddress::make(place.seat->segment, static_cast<std::uint8_t>(place.seat->bus),
                                         place.seat->slot, place.seat->function);
  return address;
}

void write_addresses(Seated& seated) {
  for (std::size_t i = 0; i < seated.places.size(); ++i)
    if (seated.places[i].seat) seated.domain.devices[i].address = address_at(seated.places[i]);
}

std::string how_seated(const Place& place) {
  switch (place.by) {
    case SeatedBy::Xml:
      return "as the XML says";
    case SeatedBy::Chipset:
      return "part of the chipset";
    case SeatedBy::Preferred:
      return "its customary slot was free";
    case SeatedBy::Companion:
      return "joins the slot of its USB2 set";
    case SeatedBy::Search:
      return place.passed_over.empty() ? "first free slot" : "first free slot; passed over: " + place.passed_over;
    case SeatedBy::Nobody:
      break;
  }
  return {};
}

std::string why_added(const AddedController& added, const std::vector<std::string>& names) {
  switch (added.cause) {
    case AddedController::Cause::Gap:
      return "added to fill a gap in the indexes";
    case AddedController::Cause::Spare:
      return "added as a spare for hot-plug";
    case AddedController::Cause::Device:
      break;
  }
  return fmt::format("added because no bus had room for {}", names[added.device]);
}

std::vector<std::string> names_of(const Domain& domain) {
  std::vector<std::string> names;
  names.reserve(domain.devices.size());
  std::array<std::size_t, domain::kDeviceKindCount> ordinals{};
  for (const Device& device : domain.devices)
    names.push_back(display_name(device, ++ordinals[static_cast<std::size_t>(device.kind)]));
  return names;
}

/// `names` are those of the devices before controllers were added: AddedController counts in them.
std::vector<Reason> reasons_of(const Seated& seated, const std::vector<std::string>& names) {
  std::vector<Reason> reasons;
  for (std::size_t i = 0; i < seated.places.size(); ++i) {
    const Device& device = seated.domain.devices[i];
    if (!seated.places[i].seat) continue;
    Reason reason{i, how_seated(seated.places[i])};
    if (device.element == domain::kNoElement) {
      std::string why = "added by default";
      for (const AddedController& added : seated.added)
        if (device.controller && device.controller->type == domain::ControllerType::Pci &&
            device.controller->index == added.index)
          why = why_added(added, names);
      reason.text = why + "; " + reason.text;
    }
    const auto* written = std::get_if<domain::PciAddress>(&device.address);
    if (seated.places[i].by == SeatedBy::Xml && written != nullptr && written->at &&
        written->at->bus() != seated.places[i].seat->bus)
      reason.text = fmt::format("the XML says bus {}, which had to become the root port above it", written->at->bus());
    reasons.push_back(std::move(reason));
  }
  return reasons;
}

Result<Assignment> assign_all(Domain wish, Explain explain, const HostCards& cards, const KeptFree& kept_free) {
  auto completed = complete(std::move(wish));
  if (!completed) return std::unexpected(completed.error());
  std::vector<std::string> names;
  if (explain == Explain::Yes) names = names_of(*completed);
  auto seated = seat_devices(std::move(*completed), explain, cards, kept_free);
  if (!seated) return std::unexpected(seated.error());
  set_multifunction(seated->places);
  std::vector<Reason> reasons;
  if (explain == Explain::Yes) reasons = reasons_of(*seated, names);
  write_addresses(*seated);
  retype_addresses(seated->domain);
  if (auto filled = fill_target_defaults(seated->domain); !filled) return std::unexpected(filled.error());
  if (auto valid = validate(seated->domain); !valid) return std::unexpected(valid.error());
  auto placed = as_placed(stored_form(std::move(seated->domain)));
  if (!placed) return std::unexpected(placed.error());
  return Assignment{std::move(*placed), std::move(reasons)};
}

}  // namespace

Result<Assignment> assign(Domain wish, Explain explain, const HostCards& cards, const KeptFree& kept_free) {
  const std::size_t offset = wish.offset;
  auto assignment = assign_all(std::move(wish), explain, cards, kept_free);
  // What no element of the XML is to blame for, the machine is.
  if (!assignment && !assignment.error().offset) assignment.error().offset = offset;
  return assignment;
}

std::vector<std::string> warnings_of(const domain::PlacedDomain& placed) {
  auto warnings = topology::number_warnings(placed);
  std::ranges::move(zpci_warnings(placed.domain()), std::back_inserter(warnings));
  return warnings;
}

}  // namespace busproof::assign
