#pragma once

#include <map>
#include <variant>
#include <vector>

#include "engine/base/result.h"
#include "engine/domain/domain.h"

/// What libvirt's parser makes of a domain before it looks for places: its lists, and what it adds to them
/// (spec 1.8, 2.6, 4.2, 4.3, 4.4).
namespace busproof::verify::reference {

/// Why nothing can be said of a domain.
struct NotCovered {
  std::string why;
};

/// The devices by kind, in libvirt's order inside each.
struct Lists {
  std::map<domain::DeviceKind, std::vector<domain::Device>> of{};
  bool express_root = false;

  std::vector<domain::Device>& controllers() { return of[domain::DeviceKind::Controller]; }
};

/// Errors: Refused, for a root bus of the wrong model.
std::variant<Lists, Error, NotCovered> lists_of(const domain::Domain& domain);

bool is_pci(const domain::Device& device);
bool is_controller(const domain::Device& device, domain::ControllerType type, std::uint32_t index);

}  // namespace busproof::verify::reference
