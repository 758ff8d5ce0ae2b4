#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"
#include "engine/lock/lock.h"
#include "engine/lock/pin.h"
#include "verify/domain_generator.h"

// What a lock promises, hunted for on random domains: whatever a generator drops or shuffles, the devices that it still
// writes come back to their places.
namespace busproof::lock {
namespace {

using verify::SketchedDomain;
using verify::SketchedElement;

/// The text as busproof reads it; discards what libvirt would refuse.
domain::XmlDocument document_of(const SketchedDomain& sketch) {
  auto document = domain::XmlDocument::parse(to_xml(sketch));
  RC_PRE(document.has_value());
  return *std::move(document);
}

domain::Domain wish_of(const domain::XmlDocument& document) {
  auto wish = read_domain(document);
  RC_PRE(wish.has_value());
  return *std::move(wish);
}

domain::PlacedDomain placed(const SketchedDomain& sketch) {
  auto assignment = assign::assign(wish_of(document_of(sketch)));
  RC_PRE(assignment.has_value());
  return std::move(assignment->placed);
}

/// As a generator writes it that knows of no addresses and no PCI controllers, and keeps its devices in no order.
SketchedDomain regenerated(SketchedDomain sketch) {
  std::erase_if(sketch.devices, [](const SketchedElement& device) {
    return device.name == "controller" &&
           std::ranges::any_of(device.attributes, [](const auto& attribute) { return attribute.value == "pci"; });
  });
  for (SketchedElement& device : sketch.devices)
    std::erase_if(device.children, [](const SketchedElement& child) { return child.name == "address"; });
  return sketch;
}

bool has_identity(const domain::Device& device) {
  return !device.mac.empty() || !device.alias.empty() || !device.target.empty() || device.controller ||
         !device.source.empty();
}

std::string errors_in(const Findings& findings) {
  std::string text;
  for (const Finding& finding : findings)
    if (finding.severity == Severity::Error)
      text += fmt::format("{} {}: {}\n", finding.rule, finding.device, finding.change);
  return text;
}

/// Whether devices went or came: with a function 0 its whole slot goes, and there may be no place for a new bridge that
/// gives no bus another number.
enum class Changed : std::uint8_t { No, Yes };

/// What applying the lock to the regenerated domain leaves wrong, as somebody reads it from the XML that was written.
/// What cannot be helped may be, but not without being told.
std::string errors_after_apply(const LockedDomain& lock, const SketchedDomain& sketch, Changed changed) {
  const domain::XmlDocument document = document_of(sketch);
  const auto pinned = pin(lock, wish_of(document), Believe::Lock, FreedSlots::Kept);
  RC_PRE(pinned.has_value());
  const auto written = domain::XmlDocument::parse(write_places(document, pinned->placed));
  if (!written) return "what was written is no XML: " + written.error().message;
  auto wish = domain::read_domain(*written);
  if (!wish) return "what was written is no domain: " + wish.error().message;
  const auto again = assign::assign(*std::move(wish));
  if (!again) return "libvirt would refuse what was written: " + again.error().message;
  Findings findings = compare(lock, abi::snapshot(again->placed));
  if (changed == Changed::Yes && errors_in(findings) == errors_in(pinned->findings))
    std::erase_if(findings, [](const Finding& finding) { return finding.rule == "BP105" || finding.rule == "BP106"; });
  return errors_in(findings);
}

RC_GTEST_PROP(LockFileProperty, IsReadAsItWasWritten, (const SketchedDomain& sketch)) {
  const Lock lock{{locked(placed(sketch))}};
  const auto again = read_lock(lock_text(lock));
  if (!again) RC_FAIL(again.error().message);
  RC_ASSERT(*again == lock);
}

RC_GTEST_PROP(LockApply, LeavesNoErrorInARegeneratedDomain, (const SketchedDomain& sketch)) {
  const LockedDomain lock = locked(placed(sketch));
  const std::string wrong = errors_after_apply(lock, regenerated(sketch), Changed::No);
  if (!wrong.empty()) RC_FAIL(wrong + lock_text({{lock}}));
}

RC_GTEST_PROP(LockApply, LeavesNoErrorWhereDevicesWentAndCame, (const SketchedDomain& sketch)) {
  const LockedDomain lock = locked(placed(sketch));
  SketchedDomain changed = regenerated(sketch);
  // Of those without a name all that is known is who follows whom: one with a name goes.
  const auto gone = std::ranges::find(changed.devices, "interface", &SketchedElement::name);
  if (gone != changed.devices.end()) changed.devices.erase(gone);
  const SketchedElement card{"interface",
                             {{"type", "user"}},
                             {{"mac", {{"address", "52:54:00:ff:ff:01"}}, {}}, {"model", {{"type", "virtio"}}, {}}}};
  changed.devices.insert(changed.devices.begin(), card);
  const std::string wrong = errors_after_apply(lock, changed, Changed::Yes);
  if (!wrong.empty()) RC_FAIL(wrong + lock_text({{lock}}));
}

RC_GTEST_PROP(LockApply, AndLockingAgainChangesNothing, (const SketchedDomain& sketch)) {
  const LockedDomain lock = locked(placed(sketch));
  const auto pinned = pin(lock, wish_of(document_of(regenerated(sketch))), Believe::Lock, FreedSlots::Kept);
  RC_PRE(pinned.has_value());
  const LockedDomain again = updated(lock, pinned->placed);
  const auto with_identity = [](LockedDomain locked) {
    std::erase_if(locked.domain.devices, [](const domain::Device& device) { return !has_identity(device); });
    return lock_text({{locked}});
  };
  RC_ASSERT(with_identity(again) == with_identity(lock));
}

}  // namespace
}  // namespace busproof::lock
