#include "verify/host_hunt.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rapidcheck/shrink/Shrink.h>
#include <rapidcheck/shrinkable/Create.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "fakesys/new_host.h"
#include "fakesys/recorded_host.h"
#include "verify/host_generator.h"
#include "verify/host_history.h"
#include "verify/seeds.h"
#include "verify/typed_hunt.h"

namespace busproof::verify {
namespace {

constexpr std::string_view kScriptFile = "script.txt";
constexpr std::string_view kHostFile = "host.txt";
constexpr std::string_view kModelFile = "host.json";

using Lines = std::vector<std::string>;
using Steps = std::vector<HostStep>;

struct HostCase {
  std::string model{};  ///< a recorded host; then there are no lines
  Lines lines{};
  Steps steps{};
};

std::string text_of(const Lines& lines) { return fmt::format("{}\n", fmt::join(lines, "\n")); }

// ---- Shrinking: fewer steps, then fewer functions, then fewer faults -----------------------------------------------

HostCase with_steps(HostCase host, Steps steps) {
  host.steps = std::move(steps);
  return host;
}

HostCase with_lines(HostCase host, Lines lines) {
  host.lines = std::move(lines);
  return host;
}

/// What is simpler than a command: none of its options, one device less.
std::vector<HostCommand> simpler(const HostCommand& command) {
  std::vector<HostCommand> found;
  const auto add = [&](auto change) {
    HostCommand copy = command;
    change(copy);
    if (copy != command) found.push_back(std::move(copy));
  };
  for (std::size_t i = 0; command.devices.size() > 1 && i < command.devices.size(); ++i)
    add([&](HostCommand& copy) { copy.devices.erase(copy.devices.begin() + static_cast<std::ptrdiff_t>(i)); });
  add([](HostCommand& copy) { copy.driver.clear(); });
  add([](HostCommand& copy) { copy.group = host::GroupPolicy::Strict; });
  for (bool HostCommand::* option :
       {&HostCommand::force, &HostCommand::reprobe, &HostCommand::unmanaged, &HostCommand::always_reset})
    add([&](HostCommand& copy) { copy.*option = false; });
  return found;
}

std::vector<HostStep> simpler(const HostStep& step) {
  std::vector<HostStep> found;
  const auto add = [&](auto change) {
    found.push_back(step);
    change(found.back());
  };
  for (std::size_t i = 0; i < step.faults.size(); ++i)
    add([&](HostStep& copy) { copy.faults.erase(copy.faults.begin() + static_cast<std::ptrdiff_t>(i)); });
  if (step.crash.when != CrashPoint::When::Never) add([](HostStep& copy) { copy.crash = {}; });
  if (step.rehearsed) add([](HostStep& copy) { copy.rehearsed = false; });
  if (step.beside)
    add([](HostStep& copy) {
      copy.beside.reset();
      copy.turns.clear();
    });
  if (!step.turns.empty()) add([](HostStep& copy) { copy.turns.pop_back(); });
  for (const HostCommand& command : simpler(step.command)) add([&](HostStep& copy) { copy.command = command; });
  if (step.beside)
    for (const HostCommand& command : simpler(*step.beside)) add([&](HostStep& copy) { copy.beside = command; });
  return found;
}

rc::Seq<HostCase> smaller(const HostCase& big) {
  std::vector<HostCase> plainer;
  for (std::size_t i = 0; i < big.steps.size(); ++i)
    for (HostStep& step : simpler(big.steps[i])) {
      plainer.push_back(big);
      plainer.back().steps[i] = std::move(step);
    }
  // The first line is the host's own.
  const Lines functions = big.lines.empty() ? Lines{} : Lines(big.lines.begin() + 1, big.lines.end());
  return rc::seq::concat(rc::seq::map(rc::shrink::removeChunks(big.steps),
                                      [big](Steps steps) { return with_steps(big, std::move(steps)); }),
                         rc::seq::map(rc::shrink::removeChunks(functions),
                                      [big](Lines lines) {
                                        lines.insert(lines.begin(), big.lines.front());
                                        return with_lines(big, std::move(lines));
                                      }),
                         rc::seq::fromContainer(std::move(plainer)));
}

// ---- The hunt ----------------------------------------------------------------------------------------------------

void classify(const fakesys::Host& host, Tally& tally) {
  tally.seen("kernel", host.model.profile.version);
  tally.seen("iommu", host.model.has_iommu ? "on" : "off");
  std::size_t deepest = 0, virtual_capable = 0, waiting = 0;
  for (const fakesys::Slot slot : host.model.in_order()) {
    const fakesys::Device& device = host.model.device(slot);
    std::size_t depth = 0;
    for (auto above = device.function->parent; above != nullptr; above = above->parent) ++depth;
    deepest = std::max(deepest, depth);
    virtual_capable += device.function->sriov ? 1 : 0;
    waiting += device.driver == fakesys::kNone ? 1 : 0;
  }
  tally.seen("bridges above", std::to_string(deepest));
  tally.seen("virtual functions", virtual_capable > 0 ? "possible" : "not possible");
  tally.seen("without driver", waiting == 0 ? "none" : waiting == host.model.in_order().size() ? "all" : "some");
  std::size_t largest = 0;
  for (const int number : host.model.groups()) largest = std::max(largest, host.model.group(number)->members.size());
  tally.seen("largest group", largest < 4 ? std::to_string(largest) : "4 and more");
}

class HostHunt final : public TypedHunt<HostCase> {
 public:
  HostHunt(Selection selection, std::string model) : selection_(std::move(selection)), model_(std::move(model)) {
    if (model_.empty()) return;
    if (auto loaded = fakesys::load_host(model_)) loaded_.emplace(*std::move(loaded));
  }

  [[nodiscard]] std::string_view name() const override { return "hosts"; }
  [[nodiscard]] std::vector<LawRow> laws() const override { return host_law_rows(); }

  [[nodiscard]] std::vector<ExpectedClass> expected() const override {
    std::vector<ExpectedClass> expected;
    for (std::size_t i = 0; i < kHostVerbCount; ++i) {
      const std::string_view verb = to_string(static_cast<HostVerb>(i));
      const bool possible = !loaded_ || verb != "vfs" || !sketch_of(*loaded_).physical.empty();
      if (possible) expected.push_back({"command", verb});
    }
    for (const std::string_view end : {"done", "already", "refused", "rolled-back", "failed", "crashed"})
      expected.push_back({"end", end});
    for (const std::string_view fault :
         {"fail", "fail-after-effect", "lie", "block", "power", "rival", "vanish", "swap", "dead"})
      expected.push_back({"fault", fault});
    for (const std::string_view when : {"before", "after", "torn", "disk full"}) expected.push_back({"crash", when});
    for (const std::string_view end : {"finished", "undone", "forgotten", "pending"})
      expected.push_back({"recovery", end});
    if (loaded_) return expected;
    for (const std::string_view code : {"in-use", "group-not-viable", "no-such-device", "busy-operation", "group-busy",
                                        "not-assignable", "pf-has-vfs", "identity-changed", "unmanaged-not-detached"})
      expected.push_back({"refused", code});
    for (const std::string_view code : {"write-failed", "bind-failed", "conflict", "timeout", "vanished"})
      expected.push_back({"failed", code});
    for (const auto& profile : fakesys::kProfiles) expected.push_back({"kernel", profile.version});
    for (const std::string_view depth : {"0", "1", "2", "3"}) expected.push_back({"bridges above", depth});
    for (const std::string_view size : {"1", "2", "3", "4 and more"}) expected.push_back({"largest group", size});
    return expected;
  }

 protected:
  rc::Gen<HostCase> cases() const override {
    const std::string model = model_;
    const std::optional<HostSketch> sketch = loaded_ ? std::optional(sketch_of(*loaded_)) : std::nullopt;
    const auto made = rc::gen::map(seeds(), [model, sketch](std::uint64_t seed) {
      Dice dice(seed);
      HostCase host{.model = model};
      if (!sketch) host.lines = random_host(dice);
      if (sketch)
        host.steps = random_steps(dice, *sketch);
      else if (const auto built = fakesys::new_host(text_of(host.lines)))
        host.steps = random_steps(dice, sketch_of(*built));
      return host;
    });
    return [made](const rc::Random& random, int size) {
      return rc::shrinkable::shrinkRecur(made(random, size).value(), [](const HostCase& big) { return smaller(big); });
    };
  }

  Breaches check(const HostCase& candidate, Tally& tally) const override {
    const auto host = host_of(candidate);
    if (!host) {
      tally.seen("host", "cannot be");
      return {};
    }
    classify(*host, tally);
    HostHistory history(fakesys::FakeKernel(*host), {selection_, tally});
    for (std::size_t i = 0; i < candidate.steps.size(); ++i) {
      history.apply(candidate.steps[i]);
      if (history.breaches().empty()) continue;
      Breaches found = history.breaches();
      for (Breach& breach : found)
        breach.words = fmt::format("in step {}, {}:\n{}", i + 1, to_string(candidate.steps[i].command), breach.words);
      return found;
    }
    tally.seen("steps", "all", candidate.steps.size());
    return {};
  }

  CaseFiles files_of(const HostCase& candidate) const override {
    CaseFiles files;
    std::string script;
    for (const HostStep& step : candidate.steps) script += to_text(step);
    files.emplace(kScriptFile, std::move(script));
    if (candidate.model.empty())
      files.emplace(kHostFile, text_of(candidate.lines));
    else
      files.emplace(kModelFile, candidate.model);
    return files;
  }

  std::size_t size_of(const HostCase& candidate) const override {
    return candidate.steps.size() + std::max<std::size_t>(candidate.lines.size(), 1) - 1;
  }

  Result<HostCase> read_case(const CaseFiles& files) const override {
    const auto script = files.find(std::string(kScriptFile));
    if (script == files.end()) return std::unexpected(unreadable_case("no script.txt"));
    HostCase read;
    auto steps = parse_host_steps(script->second);
    if (!steps) return std::unexpected(steps.error());
    read.steps = *std::move(steps);
    const auto lines = files.find(std::string(kHostFile)), model = files.find(std::string(kModelFile));
    if (model != files.end())
      read.model = model->second;
    else if (lines != files.end())
      read.lines = {lines->second.substr(0, lines->second.find_last_not_of('\n') + 1)};
    else
      return std::unexpected(unreadable_case("neither host.txt nor host.json"));
    const auto host = host_of(read);
    if (!host) return std::unexpected(host.error());
    return read;
  }

 private:
  Result<fakesys::Host> host_of(const HostCase& candidate) const {
    if (candidate.model.empty()) return fakesys::new_host(text_of(candidate.lines));
    if (loaded_ && candidate.model == model_) return *loaded_;
    return fakesys::load_host(candidate.model);
  }

  Selection selection_;
  std::string model_;
  std::optional<fakesys::Host> loaded_{};
};

}  // namespace

std::unique_ptr<Hunt> make_host_hunt(Selection selection, std::string model) {
  return std::make_unique<HostHunt>(std::move(selection), std::move(model));
}

}  // namespace busproof::verify
