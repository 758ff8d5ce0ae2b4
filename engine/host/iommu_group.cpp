#include "engine/host/iommu_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/host/guards.h"

namespace busproof::host {
namespace {

// Source: drivers/iommu/iommu.c, iommu_device_claim_dma_owner(), since Linux 5.19.
constexpr KernelVersion kDmaOwnership{5, 19};

constexpr const char* kUnreadable = "could not be read just now, and may be on a driver of the host: try once more";

Member judge(const Situation& situation, const HostDevice& member, const std::set<HostAddress>& targets,
             const std::optional<Owner>& owner) {
  Member verdict{to_string(member.address), member.address, MemberClass::Native};
  const auto is = [&](MemberClass member_class, bool blocks, std::string advice) {
    verdict.member_class = member_class;
    verdict.blocks = blocks;
    verdict.advice = std::move(advice);
    return verdict;
  };
  const LedgerEntry* entry = current_entry(situation, member.address);
  if (targets.contains(member.address)) return is(MemberClass::Target, false, "");
  const auto stub = stub_kind(member, situation.drivers.modules_alias);
  const bool blocks = blocks_group(member, stub, situation.inventory.kernel_release);
  if (entry != nullptr && entry->owner) {
    if (entry->owner != owner)
      return is(MemberClass::ActiveOther, true, fmt::format("stop guest {} first", entry->owner->domain));
    // It may have been bound elsewhere since, as when what it sits behind was pulled and plugged in again.
    if (!blocks) return is(MemberClass::ActiveSame, false, "");
  }
  if (is_bridge(member)) {
    if (!member.driver || *member.driver == "pcieport") return is(MemberClass::Port, blocks, "");
    return is(MemberClass::OtherBridge, blocks, fmt::format("unbind it from {}", *member.driver));
  }
  if (!member.driver) {
    return is(MemberClass::Unbound, false,
              "has no driver now; one that binds it later makes the group unusable (override none prevents it)");
  }
  if (stub == StubKind::Xen) return is(MemberClass::Xen, blocks, "take it off pciback");
  if (stub) return is(MemberClass::Stub, blocks, "");
  return is(MemberClass::Native, blocks,
            fmt::format("is on {}: detach it too (--group companions does)", *member.driver));
}

}  // namespace

std::string_view to_string(MemberClass member_class) {
  constexpr std::array<std::string_view, 10> kNames = {"target",  "stub",   "port",        "bridge-other",
                                                       "unbound", "native", "active-same", "active-other",
                                                       "foreign", "pciback"};
  return kNames[static_cast<std::size_t>(member_class)];
}

bool blocks_group(const HostDevice& member, std::optional<StubKind> kept, std::string_view kernel_release) {
  if (!member.driver || *member.driver == "pcieport") return false;
  if (is_bridge(member)) return !kept && kernel_version(kernel_release) >= kDmaOwnership;
  return !kept || kept == StubKind::Xen;
}

std::vector<Member> judge_group(const Situation& situation, const HostDevice& device,
                                const std::set<HostAddress>& targets, const std::optional<Owner>& owner) {
  std::vector<Member> members;
  for (const HostAddress& address : group_members(situation.inventory, device)) {
    if (situation.inventory.unreadable.contains(address))
      members.push_back({to_string(address), address, MemberClass::Native, true, kUnreadable});
    else if (const HostDevice* member = find(situation.inventory, address))
      members.push_back(judge(situation, *member, targets, owner));
  }
  if (const IommuGroup* group = find_group(situation.inventory, device.group)) {
    for (const std::string& name : group->foreign) {
      members.push_back({name, std::nullopt, MemberClass::Foreign, true,
                         "is no PCI device: unbind it from its driver, and use --group ignore"});
    }
  }
  return members;
}

std::optional<Trouble> group_refusal(const HostDevice& device, const std::vector<Member>& members) {
  Trouble trouble{.code = Code::GroupNotViable, .device = to_string(device.address)};
  std::string blockers;
  for (const Member& member : members) {
    if (!member.blocks) continue;
    if (member.member_class == MemberClass::ActiveOther) trouble.code = Code::InUse;
    if (device.physical_function && member.address == device.physical_function && trouble.code != Code::InUse)
      trouble.code = Code::PfInGroup;
    blockers += fmt::format("{}{} ({})", blockers.empty() ? "" : ", ", member.name, to_string(member.member_class));
    trouble.hints.push_back(member.name + ": " + member.advice);
  }
  if (blockers.empty()) return std::nullopt;
  trouble.message = fmt::format("IOMMU group {} is not viable because of {}", device.group.value_or(0), blockers);
  if (trouble.code == Code::PfInGroup) {
    trouble.message = "shares its IOMMU group with its own physical function: unbinding that would destroy it";
    trouble.hints = {
        "the platform does not keep functions apart (no ACS): virtual functions cannot be given away here"};
  }
  return trouble;
}

}  // namespace busproof::host
