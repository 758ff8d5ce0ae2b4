#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/host/situation.h"

/// May an IOMMU group be handed to a guest, and if not, because of whom?
namespace busproof::host {

/// What a member of a group is to one who wants the group for a guest.
enum class MemberClass : std::uint8_t {
  Target,       ///< to be given away now
  Stub,         ///< kept for a guest already
  Port,         ///< a bridge with pcieport or no driver: shares a group with a guest
  OtherBridge,  ///< a bridge with another driver
  Unbound,
  Native,
  ActiveSame,   ///< with the same guest already
  ActiveOther,  ///< with another guest
  Foreign,      ///< not a PCI device
  Xen,          ///< on pciback
};
std::string_view to_string(MemberClass member_class);

struct Member {
  std::string name;  ///< "0000:01:00.1"
  std::optional<HostAddress> address;
  MemberClass member_class{};
  bool blocks = false;
  std::string advice{};  ///< what the user could do about it, or should know
};

/// Whether the kernel refuses the group to a guest because of the driver that this member is on, which keeps it for
/// somebody as `kept` says. A bridge on another than pcieport blocks from Linux 5.19 on; before, the kernel looked at
/// endpoints only.
bool blocks_group(const HostDevice& member, std::optional<StubKind> kept, std::string_view kernel_release);

/// The members of the device's group, in order; the device alone where the host has no groups. `targets` are those that
/// the operation takes; `owner` is who is to have them, if anybody.
std::vector<Member> judge_group(const Situation& situation, const HostDevice& device,
                                const std::set<HostAddress>& targets, const std::optional<Owner>& owner);

/// Why the group cannot be had; nothing if it can. Names all that block, and PfInGroup where one of them is the
/// physical function of `device`.
std::optional<Trouble> group_refusal(const HostDevice& device, const std::vector<Member>& members);

}  // namespace busproof::host
