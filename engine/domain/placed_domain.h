#pragma once

#include "engine/base/result.h"
#include "engine/domain/domain.h"

namespace busproof::domain {

/// A completed Domain that lacks no address: every controller it needs is there, and every device that asks for a
/// place on a PCI bus has one. as_placed() is the only way in.
class PlacedDomain {
 public:
  [[nodiscard]] const Domain& domain() const { return domain_; }

  friend Result<PlacedDomain> as_placed(Domain domain);

 private:
  explicit PlacedDomain(Domain domain) : domain_(std::move(domain)) {}
  Domain domain_;
};

/// Errors: refused, naming the first device whose `<address type='pci'/>` is still empty or controller without index.
Result<PlacedDomain> as_placed(Domain domain);

}  // namespace busproof::domain
