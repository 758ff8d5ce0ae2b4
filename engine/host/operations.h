#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/host/binding_plan.h"
#include "engine/host/situation.h"

/// What can be asked of a host, and the plan that it comes to. Nothing here touches the host.
namespace busproof::host {

/// What becomes of the rest of an IOMMU group.
enum class GroupPolicy : std::uint8_t {
  Strict,          ///< what blocks is a refusal
  Companions,      ///< endpoints that block are given away too
  StubCompanions,  ///< the same, but kept on pci-stub
  Ignore,          ///< as libvirt does: the guest's open fails later
};

enum class ResetPolicy : std::uint8_t {
  Auto,  ///< only where no VFIO driver does it
  Always,
  Never,
};

/// What a guest's network interface asks of the virtual function that it is.
struct NetWish {
  std::string mac{};  ///< empty: as it is
  std::optional<unsigned> vlan{};
};

/// One device of a request.
struct Wish {
  HostAddress address;
  DriverWish driver{};
  bool managed = true;                   ///< of a domain: detached and given back by itself
  std::set<std::uint32_t> namespaces{};  ///< of an NVMe controller; empty: all of it
  std::optional<NetWish> net{};          ///< of a network interface
};

struct Request {
  Operation operation{};
  std::vector<Wish> devices{};   ///< of a release none: all that the owner has
  std::optional<Owner> owner{};  ///< of prepare and release
  GroupPolicy group = GroupPolicy::Strict;
  ResetPolicy reset = ResetPolicy::Auto;
  bool force = false;    ///< sets aside what can be set aside; the plan names it
  bool reprobe = false;  ///< reattach: lets drivers have a device that had none
};

/// The addresses of a request, or what its owner has.
std::vector<HostAddress> addresses_of(const Request& request, const Ledger& ledger);

/// What is to be done, in order. Errors: the first reason why not.
Checked<BindingPlan> make_plan(const Situation& situation, const Request& request);

}  // namespace busproof::host
