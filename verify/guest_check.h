#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/assign/assign.h"
#include "engine/base/result.h"
#include "engine/domain/domain.h"
#include "verify/hunt.h"
#include "verify/invariants.h"
#include "verify/outcome.h"

/// The guest's laws, and the agreement with oracles, looked at in one place for every hunt.
namespace busproof::verify {

inline constexpr LawRow kRefusesWithReason{"refuses-with-reason", "what is refused is refused with a reason and a rule",
                                           "law 8"};
inline constexpr LawRow kTextKeeps{"text-keeps", "writing and reading a config again loses no place"};
inline constexpr LawRow kDiffersNotFromItself{"no-difference", "compared with itself a config does not differ"};
inline constexpr LawRow kComesBack{"comes-back", "what was removed and added back is accepted, and sits where it sat",
                                   "law 8"};
inline constexpr LawRow kLockKeeps{"lock-keeps", "a config that is written anew has every device where its lock says",
                                   "law 2"};
inline constexpr LawRow kAgreesWithReference{"agrees-with-reference",
                                             "the reference allocator places the same, or refuses too"};
inline constexpr LawRow kAgreesWithLibvirt{"agrees-with-libvirt", "a running libvirt places the same, or refuses too"};

/// The rows of guest_laws(), and those above but the last.
std::vector<LawRow> guest_law_rows();

/// What every look at a law needs: which ones, and where to note it.
struct Looking {
  const Selection& selection;
  Tally& tally;
};

/// Every selected law of guest_laws().
Breaches look_at_assigned(const Assigned& assigned, const Looking& looking);
/// What the refusal itself must have.
Breaches look_at_refusal(const Error& error, const Looking& looking);
/// Whether the reference allocator says the same of the wish.
Breaches look_at_reference(const domain::Domain& wish, const Result<assign::Assignment>& ours, const Looking& looking);
/// Whether libvirt's answer to the same text says the same as ours.
Breaches look_at_libvirt(const Result<std::string>& theirs, const Result<std::string>& ours, const Looking& looking);

/// Notes machine, controllers, depth, expanders and the like.
void classify(const domain::Domain& placed, Tally& tally);
/// The classes that classify() and the looks above should come across.
std::vector<ExpectedClass> expected_guest_classes();

}  // namespace busproof::verify
