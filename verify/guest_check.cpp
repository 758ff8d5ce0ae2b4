#include "verify/guest_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>

#include "engine/topology/buses.h"
#include "engine/topology/machine_rules.h"
#include "verify/libvirt_oracle.h"
#include "verify/placement_compare.h"
#include "verify/reference_assign.h"

namespace busproof::verify {
namespace {

using domain::Device;
using domain::Domain;

constexpr std::array<std::string_view, 6> kDepths = {"0", "1", "2", "3", "4", "5 and more"};

std::string lines_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::string_view word_for(topology::Family family) {
  switch (family) {
    case topology::Family::I440fx:
      return "i440fx";
    case topology::Family::Q35:
      return "q35";
    case topology::Family::ArmVirt:
    case topology::Family::RiscvVirt:
      return "virt";
    case topology::Family::Pseries:
      return "pseries";
    case topology::Family::S390:
      return "s390";
    default:
      return "other";
  }
}

std::size_t depth_of(const topology::Buses& buses) {
  std::size_t deepest = 0;
  for (const topology::GuestBus& bus : buses.all) {
    std::size_t depth = 0;
    for (auto parent = bus.parent; parent && depth < buses.all.size(); parent = buses.all[*parent].parent) ++depth;
    deepest = std::max(deepest, depth);
  }
  return deepest;
}

/// A verdict of an oracle beside ours; empty when they agree.
std::string disagreement(const Domain& theirs, const Domain& ours) { return lines_of(differences(theirs, ours)); }

Breaches judged(const LawRow& law, std::string words, const Looking& looking) {
  looking.tally.checked(law.name);
  looking.tally.seen(law.name, words.empty() ? "agree" : "disagree");
  if (words.empty()) return {};
  return {{std::string(law.name), std::move(words)}};
}

}  // namespace

std::vector<LawRow> guest_law_rows() {
  std::vector<LawRow> rows;
  for (const GuestLaw& law : guest_laws()) rows.push_back({law.name, law.words, law.number});
  rows.insert(rows.end(), {kRefusesWithReason, kTextKeeps, kAgreesWithReference});
  return rows;
}

Breaches look_at_assigned(const Assigned& assigned, const Looking& looking) {
  Breaches found;
  for (const GuestLaw& law : guest_laws()) {
    if (!looking.selection.has(law.name)) continue;
    looking.tally.checked(law.name);
    if (const Violations violations = law.breaches(assigned); !violations.empty())
      found.push_back({std::string(law.name), to_string(violations)});
  }
  return found;
}

Breaches look_at_refusal(const Error& error, const Looking& looking) {
  looking.tally.seen("refused", error.rule);
  if (!looking.selection.has(kRefusesWithReason.name)) return {};
  looking.tally.checked(kRefusesWithReason.name);
  if (!error.message.empty() && !error.rule.empty()) return {};
  return {{std::string(kRefusesWithReason.name), fmt::format("rule '{}', message '{}'\n", error.rule, error.message)}};
}

Breaches look_at_reference(const Domain& wish, const Result<assign::Assignment>& ours, const Looking& looking) {
  if (!looking.selection.has(kAgreesWithReference.name)) return {};
  const reference::Answer answer = reference::assign(wish);
  const auto* error = std::get_if<Error>(&answer);
  const bool decided = !std::holds_alternative<reference::NotCovered>(answer) &&
                       (ours || error != nullptr || reference::decides_about(ours.error()));
  if (!decided || (!ours && ours.error().kind == ErrorKind::Unsupported)) {
    looking.tally.seen(kAgreesWithReference.name, "not compared");
    return {};
  }
  std::string words;
  if (error != nullptr && ours) words = "the reference refuses: " + error->message + "\n";
  if (error == nullptr && !ours) words = "we refuse, the reference does not: " + ours.error().message + "\n";
  if (error == nullptr && ours) words = disagreement(std::get<Domain>(answer), ours->placed.domain());
  return judged(kAgreesWithReference, std::move(words), looking);
}

Breaches look_at_libvirt(const Result<std::string>& theirs, const Result<std::string>& ours, const Looking& looking) {
  const bool lacks_qemu = !theirs && ours && is_about_qemu(theirs.error().message);
  if (lacks_qemu || (!ours && ours.error().kind == ErrorKind::Unsupported)) {
    looking.tally.seen(kAgreesWithLibvirt.name, "not compared");
    return {};
  }
  std::string words;
  if (!theirs && ours) words = "libvirt refuses: " + theirs.error().message + "\n";
  if (theirs && !ours) words = "we refuse, libvirt does not: " + ours.error().message + "\n";
  if (theirs && ours) words = lines_of(text_differences(*theirs, *ours));
  return judged(kAgreesWithLibvirt, std::move(words), looking);
}

void classify(const Domain& placed, Tally& tally) {
  const topology::Buses buses = topology::buses_of(placed);
  tally.seen("machine", buses.family ? word_for(*buses.family) : "other");
  tally.seen("depth", kDepths[std::min(depth_of(buses), kDepths.size() - 1)]);
  std::uint32_t models = 0;
  for (const topology::GuestBus& bus : buses.all) models |= 1U << static_cast<unsigned>(bus.model);
  for (std::size_t i = 0; i < pci::kControllerModelNames.size(); ++i)
    if ((models >> i & 1U) != 0) tally.seen("controller", pci::kControllerModelNames[i]);
  std::uint32_t kinds = 0;
  for (const Device& device : placed.devices)
    if (const auto* address = std::get_if<domain::PciAddress>(&device.address); address != nullptr && address->at)
      kinds |= 1U << static_cast<unsigned>(device.kind);
  for (std::size_t i = 0; i < domain::kDeviceKindCount; ++i)
    if ((kinds >> i & 1U) != 0) tally.seen("device", to_string(static_cast<domain::DeviceKind>(i)));
}

std::vector<ExpectedClass> expected_guest_classes() {
  std::vector<ExpectedClass> expected;
  for (const std::string_view machine : {"i440fx", "q35", "virt", "pseries", "s390"})
    expected.push_back({"machine", machine});
  for (const std::string_view model : pci::kControllerModelNames) expected.push_back({"controller", model});
  for (const std::string_view depth : kDepths) expected.push_back({"depth", depth});
  for (const std::string_view kind :
       {"disk", "interface", "sound", "hostdev", "video", "controller", "serial", "input", "filesystem", "watchdog",
        "memballoon", "rng", "shmem", "memory", "iommu", "vsock"})
    expected.push_back({"device", kind});
  for (const std::string_view rule : {"E217", "E303", "E304", "E305", "E306", "E311", "E312"})
    expected.push_back({"refused", rule});
  return expected;
}

}  // namespace busproof::verify
