#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/abi/diff.h"
#include "engine/abi/snapshot.h"
#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"
#include "verify/domain_generator.h"

// What holds of every two domains, hunted for on random ones.
namespace busproof::abi {
namespace {

/// The sketch as libvirt would store it; discards what it would refuse.
domain::PlacedDomain placed(const verify::SketchedDomain& sketch) {
  const auto document = domain::XmlDocument::parse(to_xml(sketch));
  RC_PRE(document.has_value());
  auto wish = read_domain(*document);
  RC_PRE(wish.has_value());
  auto assignment = assign::assign(std::move(*wish));
  RC_PRE(assignment.has_value());
  return std::move(assignment->placed);
}

domain::PlacedDomain placed_again(domain::Domain domain) {
  auto again = as_placed(std::move(domain));
  RC_PRE(again.has_value());
  return std::move(*again);
}

std::set<std::string> devices_in(const Findings& findings) {
  std::set<std::string> devices;
  for (const Finding& finding : findings) devices.insert(finding.device);
  return devices;
}

RC_GTEST_PROP(AbiDiff, FindsNothingBetweenADomainAndItself, (const verify::SketchedDomain& sketch)) {
  const AbiSnapshot abi = snapshot(placed(sketch));
  RC_ASSERT(diff(abi, abi).empty());
}

RC_GTEST_PROP(AbiDiff, FindsNothingWhereElementsChangePlaces, (const verify::SketchedDomain& sketch)) {
  const domain::PlacedDomain before = placed(sketch);
  domain::Domain shuffled = before.domain();
  // Ports are numbered in their order, and the first serial one may be the console too.
  const auto stays = [](const domain::Device& device) {
    return device.kind == domain::DeviceKind::Serial || device.kind == domain::DeviceKind::Parallel;
  };
  for (std::size_t i = shuffled.devices.size(); i > 1; --i) {
    const std::size_t other = *rc::gen::inRange<std::size_t>(0, i);
    if (stays(shuffled.devices[i - 1]) || stays(shuffled.devices[other])) continue;
    std::swap(shuffled.devices[i - 1], shuffled.devices[other]);
  }
  const AbiSnapshot after = snapshot(placed_again(std::move(shuffled)));
  RC_ASSERT(diff(snapshot(before), after).empty());
  RC_ASSERT(diff(after, snapshot(before)).empty());
}

RC_GTEST_PROP(AbiDiff, NamesTheSameDevicesInBothDirections, (const verify::SketchedDomain& sketch)) {
  const domain::PlacedDomain before = placed(sketch);
  domain::Domain changed = before.domain();
  RC_PRE(!changed.devices.empty());
  const std::size_t victim = *rc::gen::inRange<std::size_t>(0, changed.devices.size());
  if (*rc::gen::arbitrary<bool>()) {
    changed.devices.erase(changed.devices.begin() + static_cast<std::ptrdiff_t>(victim));
  } else {
    auto* address = std::get_if<domain::PciAddress>(&changed.devices[victim].address);
    const bool is_seated = address != nullptr;
    RC_PRE(is_seated);
    address->at = pci::GuestAddress::make(0, address->at->bus(), *rc::gen::inRange(1U, 32U), 0);
  }
  const AbiSnapshot a = snapshot(before), b = snapshot(placed_again(std::move(changed)));
  // A thing without a name of its own is called by its number among its like, which another one's going changes.
  const auto forth = diff(a, b), back = diff(b, a);
  RC_ASSERT(forth.size() == back.size());
  const auto named = [](const Findings& findings) {
    auto devices = devices_in(findings);
    std::erase_if(devices, [](const std::string& device) { return device.find('#') != std::string::npos; });
    return devices;
  };
  RC_ASSERT(named(forth) == named(back));
}

RC_GTEST_PROP(AbiDiff, IsSorted, (const verify::SketchedDomain& one, const verify::SketchedDomain& other)) {
  RC_ASSERT(std::ranges::is_sorted(diff(snapshot(placed(one)), snapshot(placed(other)))));
}

}  // namespace
}  // namespace busproof::abi
