#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/domain/domain.h"
#include "engine/domain/placed_domain.h"
#include "engine/pci/address.h"
#include "engine/topology/bus_numbers.h"

/// The laws of the guest side (DESIGN.md, "What holds always"), each one function over plain values that says in words
/// what breaks it. A law binds what busproof itself chooses: where the user wrote something that breaks it, or
/// libvirt's own choice does, the law asks that it be reported.
namespace busproof::verify {

struct Violation {
  std::string device;  ///< as its user knows it; empty when the whole domain is meant
  std::string what;    ///< "sits on interface ua-d3 at 0000:03:00.0"; no full stop
  friend bool operator==(const Violation&, const Violation&) = default;
};
using Violations = std::vector<Violation>;

/// "interface ua-d4: sits on …", a line each.
std::string to_string(const Violations& violations);

/// What the laws look at: a config as it was given, and what assign() made of it. Everything that was decided before is
/// written in the one, so whatever must not change between two assignments must not change from `wish` to `placed`.
struct Assigned {
  Assigned(const domain::Domain& wish, const domain::PlacedDomain& placed);
  const domain::Domain& wish;
  const domain::PlacedDomain& placed;
  /// The devices of both that are the same one, wish first. The element says which, and for what libvirt added earlier
  /// its name.
  std::vector<std::pair<const domain::Device*, const domain::Device*>> same{};
  /// Who sits where in `placed`, sorted by place. Two at one place stay in the order of the config.
  std::vector<std::pair<pci::GuestAddress, const domain::Device*>> seats{};
  topology::NumberedBuses numbered;  ///< of `placed`
};

/// 1. Assignment is idempotent.
Violations assigning_again_changes_nothing(const Assigned& assigned);
/// 2. An address, once in the config, never moves.
Violations addresses_stay(const Assigned& assigned);
/// 3. multifunction='on', once set, stays set.
Violations multifunction_stays(const Assigned& assigned);
/// 4. No two devices share a function …
Violations no_shared_function(const Assigned& assigned);
/// … and every device sits on a bus that exists, accepts its kind, and has that slot. x86 machines only.
Violations every_place_fits(const Assigned& assigned);
/// 5. Whenever a function other than 0 is in use, function 0 exists and has the multifunction bit.
Violations function_zero_leads(const Assigned& assigned);
/// 6. Bus numbers follow the tree, and what the guest would lose is reported …
Violations bus_numbers_follow_the_tree(const Assigned& assigned);
/// … and a busNr that was chosen lies below every one that was there.
Violations chosen_bus_numbers_descend(const Assigned& assigned);
/// 7. Controller indexes, chassis, chassisNr, ports and busNr never change once written.
Violations controllers_keep_their_numbers(const Assigned& assigned);
/// 12. What the guest is said to see is what was placed.
Violations guest_sees_what_is_placed(const Assigned& assigned);
/// Compared with itself a config does not differ.
Violations does_not_differ_from_itself(const domain::PlacedDomain& placed);
/// Writing and reading the config again loses nothing.
Violations text_keeps_every_place(const domain::PlacedDomain& placed, std::string_view written);

/// One row a law that holds after every assignment.
struct GuestLaw {
  std::string_view name;
  std::string_view words;
  std::string_view number;  ///< "law 1"
  Violations (*breaches)(const Assigned& assigned);
};
std::span<const GuestLaw> guest_laws();
inline constexpr std::string_view kIdempotent = "idempotent";

}  // namespace busproof::verify
