#pragma once

#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "verify/hunt.h"

namespace busproof::verify {

/// A hunt over values of one type, which RapidCheck generates and shrinks.
template <class Case>
class TypedHunt : public Hunt {
 public:
  Breaches run(std::uint64_t seed, Tally& tally) const override { return check(generated(seed).value(), tally); }

  [[nodiscard]] Counterexample shrink(std::uint64_t seed, const std::string& law) const override {
    Counterexample found;
    const auto breaks_it = [&](const Case& candidate) {
      if (found.tries >= kTriesMax) return false;
      ++found.tries;
      Tally tally;
      auto breaches = check(candidate, tally);
      const auto same = std::ranges::find(breaches, law, &Breach::law);
      if (same == breaches.end()) return false;
      found.breach = std::move(*same);
      return true;
    };
    const auto start = generated(seed);
    breaks_it(start.value());
    const auto [smallest, steps] = rc::shrinkable::findLocalMin(start, breaks_it);
    found.files = files_of(smallest);
    found.size = size_of(smallest);
    return found;
  }

  [[nodiscard]] Result<Breaches> replay(const CaseFiles& files) const override {
    const auto read = read_case(files);
    if (!read) return std::unexpected(read.error());
    Tally tally;
    return check(*read, tally);
  }

 protected:
  virtual rc::Gen<Case> cases() const = 0;
  virtual Breaches check(const Case& candidate, Tally& tally) const = 0;
  virtual CaseFiles files_of(const Case& candidate) const = 0;
  virtual std::size_t size_of(const Case& candidate) const = 0;
  virtual Result<Case> read_case(const CaseFiles& files) const = 0;

 private:
  /// Where a case resists, its shrinking ends after so many tries, whatever time they took: the same on every machine.
  static constexpr std::size_t kTriesMax = 20'000;
  /// RapidCheck's largest usual size: the generators scale by it.
  static constexpr int kSize = 100;

  rc::Shrinkable<Case> generated(std::uint64_t seed) const { return cases()(rc::Random(seed), kSize); }
};

}  // namespace busproof::verify
