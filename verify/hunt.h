#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "verify/outcome.h"

/// Hunts: each makes cases of one sort out of seeds and looks whether its laws hold of them.
namespace busproof::verify {

/// One law as `verify --list` shows it.
struct LawRow {
  std::string_view name;
  std::string_view words;
  std::string_view
      number{};  ///< "law 3" of DESIGN.md, "INV-7" of the host binding specification; most oracles have none
};

/// The names of the laws that are looked at; empty: all of them.
class Selection {
 public:
  Selection() = default;
  explicit Selection(std::set<std::string, std::less<>> names) : names_(std::move(names)) {}
  [[nodiscard]] bool has(std::string_view law) const { return names_.empty() || names_.contains(law); }

 private:
  std::set<std::string, std::less<>> names_{};
};

/// A class of cases that a campaign is expected to come across.
struct ExpectedClass {
  std::string_view dimension, value;
};

/// A case that breaks a law, as small as it could be made.
struct Counterexample {
  CaseFiles files;
  Breach breach;
  std::size_t size = 0;   ///< devices and steps that are left
  std::size_t tries = 0;  ///< smaller cases that were tried
};

/// Why files are no case.
inline Error unreadable_case(std::string why) { return {ErrorKind::Unreadable, "", std::move(why), {}, {}, {}}; }

class Hunt {
 public:
  virtual ~Hunt() = default;
  Hunt(const Hunt&) = delete;
  Hunt& operator=(const Hunt&) = delete;

  /// "domains", "histories", "hosts".
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual std::vector<LawRow> laws() const = 0;
  [[nodiscard]] virtual std::vector<ExpectedClass> expected() const = 0;

  /// The case of that seed. May be called from several threads.
  virtual Breaches run(std::uint64_t seed, Tally& tally) const = 0;
  /// The case of that seed, made smaller as long as it breaks the law.
  [[nodiscard]] virtual Counterexample shrink(std::uint64_t seed, const std::string& law) const = 0;
  /// A case from its files. Errors: Unreadable.
  [[nodiscard]] virtual Result<Breaches> replay(const CaseFiles& files) const = 0;

 protected:
  Hunt() = default;
};

}  // namespace busproof::verify
