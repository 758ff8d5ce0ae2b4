#include "verify/history_hunt.h"

#include <fmt/format.h>
#include <rapidcheck/state.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <sstream>
#include <utility>

#include "engine/base/text.h"
#include "verify/change.h"
#include "verify/dice.h"
#include "verify/guest_check.h"
#include "verify/guest_history.h"
#include "verify/new_devices.h"
#include "verify/seeds.h"
#include "verify/typed_hunt.h"

namespace busproof::verify {
namespace {

constexpr std::string_view kHistoryFile = "history.txt";
constexpr std::string_view kStartFile = "start.xml";
/// RapidCheck makes up to one step more than the size, as often few as many: twenty on the average.
constexpr int kHistorySize = 39;
constexpr std::uint32_t kFirstNewId = 1000;
/// How many devices just fit, or just do not (spec 13). The more, the rarer: the laws take the longer.
using EdgeCount = Weighted<std::uint32_t>;
constexpr std::array kManyCounts = {EdgeCount{4, 2},  EdgeCount{4, 5},  EdgeCount{4, 8},  EdgeCount{4, 9},
                                    EdgeCount{1, 27}, EdgeCount{1, 29}, EdgeCount{1, 30}, EdgeCount{1, 31},
                                    EdgeCount{1, 32}, EdgeCount{1, 61}};

struct StartMachine {
  std::uint32_t weight;
  std::string_view arch, machine;
  bool express, x86;
};
constexpr std::array kStartMachines = {
    StartMachine{8, "x86_64", "q35", true, true},        StartMachine{7, "x86_64", "pc", false, true},
    StartMachine{2, "aarch64", "virt", true, false},     StartMachine{1, "riscv64", "virt", true, false},
    StartMachine{2, "ppc64", "pseries", false, false},   StartMachine{1, "s390x", "s390-ccw-virtio", false, false},
    StartMachine{1, "x86_64", "pc-q35-7.2", true, true},
};

/// What a history has made so far, as far as it takes to choose what comes next.
struct Sketch {
  struct Item {
    std::uint32_t id = 0;
    bool is_controller = false;
    std::uint32_t row = 0;
  };
  std::vector<Item> items{};
  std::uint32_t next_id = kFirstNewId;
  std::uint32_t buses = 4;
  bool express = true, x86 = true;

  [[nodiscard]] bool has(std::uint32_t id) const { return std::ranges::find(items, id, &Item::id) != items.end(); }
  [[nodiscard]] bool has_row(std::uint32_t row) const {
    return std::ranges::any_of(items, [&](const Item& item) { return !item.is_controller && item.row == row; });
  }
};

bool adds(Verb verb) {
  return verb == Verb::Add || verb == Verb::AddMany || verb == Verb::AddController || verb == Verb::HotPlug;
}
bool touches_one(Verb verb) {
  return !adds(verb) && verb != Verb::Reorder && verb != Verb::Regenerate && verb != Verb::SaveAndLoad &&
         verb != Verb::LockAndApply;
}

class Command final : public rc::state::Command<Sketch, GuestHistory> {
 public:
  explicit Command(const Change& change) : change_(change) {}
  [[nodiscard]] const Change& change() const { return change_; }

  void checkPreconditions(const Sketch& sketch) const override {
    RC_PRE(!adds(change_.verb) || !sketch.has(change_.id));
    RC_PRE(!touches_one(change_.verb) || sketch.has(change_.id));
  }

  void apply(Sketch& sketch) const override {
    const std::uint32_t count = change_.verb == Verb::AddMany ? change_.b : 1;
    if (adds(change_.verb)) {
      for (std::uint32_t i = 0; i < count; ++i)
        sketch.items.push_back({change_.id + i, change_.verb == Verb::AddController, change_.a});
      sketch.next_id = std::max(sketch.next_id, change_.id + count);
      sketch.buses += 1 + count / 8;
    }
    if (change_.verb == Verb::Remove || change_.verb == Verb::Unplug)
      std::erase_if(sketch.items, [&](const Sketch::Item& item) { return item.id == change_.id; });
  }

  void run(const Sketch& /*before*/, GuestHistory& history) const override { history.apply(change_); }

  void show(std::ostream& out) const override { out << to_string(change_); }

 private:
  Change change_;
};
using Commands = rc::state::Commands<rc::state::Command<Sketch, GuestHistory>>;

using VerbChance = Weighted<Verb>;
constexpr std::array kVerbChances = {
    VerbChance{96, Verb::Add},
    VerbChance{1, Verb::AddMany},
    VerbChance{48, Verb::AddController},
    VerbChance{40, Verb::Remove},
    VerbChance{24, Verb::Replace},
    VerbChance{16, Verb::Edit},
    VerbChance{12, Verb::Reorder},
    VerbChance{40, Verb::Pin},
    VerbChance{20, Verb::SetMultifunction},
    VerbChance{12, Verb::ClearMultifunction},
    VerbChance{12, Verb::BusNr},
    VerbChance{8, Verb::Node},
    VerbChance{8, Verb::Model},
    VerbChance{16, Verb::Unpin},
    VerbChance{4, Verb::Regenerate},
    VerbChance{12, Verb::SaveAndLoad},
    VerbChance{6, Verb::LockAndApply},
    VerbChance{16, Verb::HotPlug},
    VerbChance{16, Verb::Unplug},
};

std::uint32_t device_row(Dice& dice, const Sketch& sketch) {
  const auto rows = new_devices();
  const NewDevice& row = dice.weighted(rows, [&](const NewDevice& candidate) {
    const auto number = static_cast<std::uint32_t>(&candidate - rows.data());
    return (!candidate.x86_only || sketch.x86) && (!candidate.once || !sketch.has_row(number));
  });
  return static_cast<std::uint32_t>(&row - rows.data());
}

std::uint32_t controller_row(Dice& dice, const Sketch& sketch) {
  const auto rows = new_controllers();
  const NewController& row = dice.weighted(rows, [&](const NewController& candidate) {
    return sketch.express ? candidate.express : candidate.conventional;
  });
  return static_cast<std::uint32_t>(&row - rows.data());
}

/// A slot near the edges as often as any other.
std::uint32_t slot(Dice& dice) {
  constexpr std::array<std::uint32_t, 8> kEdges = {0, 0, 0, 1, 2, 3, 30, 31};
  return dice.percent(60) ? dice.one_of(kEdges) : dice.below(32);
}

Change random_change(Dice& dice, const Sketch& sketch) {
  Change change;
  const bool has_items = !sketch.items.empty();
  const bool has_controllers = std::ranges::any_of(sketch.items, &Sketch::Item::is_controller);
  change.verb = dice.weighted(kVerbChances,
                              [&](const VerbChance& chance) {
                                const bool for_controllers = chance.what == Verb::BusNr || chance.what == Verb::Node ||
                                                             chance.what == Verb::Model;
                                return for_controllers ? has_controllers : has_items || !touches_one(chance.what);
                              })
                    .what;
  change.id = adds(change.verb) ? sketch.next_id : 0;
  if (touches_one(change.verb)) change.id = dice.one_of(sketch.items).id;
  switch (change.verb) {
    case Verb::Add:
    case Verb::Edit:
    case Verb::HotPlug:
      change.a = device_row(dice, sketch);
      break;
    case Verb::AddMany:
      change.a = dice.below(2);
      change.b = dice.weighted(kManyCounts).what;
      break;
    case Verb::AddController:
      change.a = controller_row(dice, sketch);
      if (dice.percent(35)) {
        change.b = 1 + dice.below(sketch.buses);
        change.c = slot(dice) * 8 + (dice.percent(40) ? dice.below(8) : 0);
      }
      break;
    case Verb::Model:
      change.a = controller_row(dice, sketch);
      break;
    case Verb::BusNr:
      change.a = dice.percent(10) ? 0 : dice.percent(50) ? dice.between(1, 8) : dice.between(1, 254);
      break;
    case Verb::Node:
      change.a = dice.below(4);
      break;
    case Verb::Pin:
      change.a = dice.percent(30) ? 0 : dice.below(sketch.buses + 1);
      change.b = slot(dice);
      change.c = dice.percent(40) ? dice.below(8) : 0;
      break;
    case Verb::Reorder:
      change.a = dice.below(1'000'000);
      break;
    default:
      break;
  }
  return change;
}

struct HistoryCase {
  HistoryStart start{};
  std::vector<Change> changes{};
};

std::string to_text(const HistoryCase& history) {
  std::string text = history.start.xml.empty() ? fmt::format("machine {} {} {}\n", history.start.arch,
                                                             history.start.machine, history.start.numa_cells)
                                               : fmt::format("start {}\n", kStartFile);
  for (const Change& change : history.changes) text += to_string(change) + "\n";
  return text;
}

class HistoryHunt final : public TypedHunt<HistoryCase> {
 public:
  HistoryHunt(Selection selection, std::string start) : selection_(std::move(selection)), start_(std::move(start)) {}

  [[nodiscard]] std::string_view name() const override { return "histories"; }

  [[nodiscard]] std::vector<LawRow> laws() const override {
    auto rows = guest_law_rows();
    rows.insert(rows.end(), {kComesBack, kLockKeeps});
    return rows;
  }

  [[nodiscard]] std::vector<ExpectedClass> expected() const override {
    std::vector<ExpectedClass> expected;
    for (std::size_t i = 0; i < kVerbCount; ++i) expected.push_back({"change", to_string(static_cast<Verb>(i))});
    expected.insert(expected.end(), {{"hot-plug", "plugged"}, {"hot-plug", "no room"}, {"unplug", "shares its slot"}});
    if (!start_.empty()) return expected;
    for (const ExpectedClass& each : expected_guest_classes())
      if (each.dimension == "machine" || each.dimension == "controller" || each.dimension == "depth")
        expected.push_back(each);
    return expected;
  }

 protected:
  rc::Gen<HistoryCase> cases() const override {
    const std::string start = start_;
    return rc::gen::mapcat(seeds(), [start](std::uint64_t seed) {
      Dice dice(seed);
      const StartMachine& machine = dice.weighted(kStartMachines);
      HistoryStart first{.arch = std::string(machine.arch),
                         .machine = std::string(machine.machine),
                         .numa_cells = dice.below(4),
                         .xml = start};
      Sketch sketch{.express = machine.express, .x86 = machine.x86};
      if (!start.empty())
        if (const auto config = first_config(first)) sketch = sketch_of(*config);
      const auto commands = rc::state::gen::commands(sketch, [](const Sketch& now) {
        return rc::gen::map(seeds(), [now](std::uint64_t choice) {
          Dice next(choice);
          return std::shared_ptr<const rc::state::Command<Sketch, GuestHistory>>(
              std::make_shared<Command>(random_change(next, now)));
        });
      });
      return rc::gen::map(rc::gen::resize(kHistorySize, commands), [first](const Commands& steps) {
        HistoryCase made{.start = first, .changes = {}};
        for (const auto& step : steps) made.changes.push_back(static_cast<const Command&>(*step).change());
        return made;
      });
    });
  }

  Breaches check(const HistoryCase& candidate, Tally& tally) const override {
    const Looking looking{selection_, tally};
    auto config = first_config(candidate.start);
    if (!config) return look_at_refusal(config.error(), looking);
    GuestHistory history(std::move(*config), looking);
    for (std::size_t i = 0; i < candidate.changes.size(); ++i) {
      history.apply(candidate.changes[i]);
      if (history.breaches().empty()) continue;
      Breaches found = history.breaches();
      for (Breach& breach : found)
        breach.words = fmt::format("after step {}, {}:\n{}", i + 1, to_string(candidate.changes[i]), breach.words);
      return found;
    }
    classify(history.config(), tally);
    tally.seen("steps", "all", candidate.changes.size());
    if (candidate.changes.empty() || history.last_wish().devices.empty()) return {};
    return look_at_reference(history.last_wish(), assign::assign(history.last_wish()), looking);
  }

  CaseFiles files_of(const HistoryCase& candidate) const override {
    CaseFiles files{{std::string(kHistoryFile), to_text(candidate)}};
    if (!candidate.start.xml.empty()) files.emplace(kStartFile, candidate.start.xml);
    return files;
  }

  std::size_t size_of(const HistoryCase& candidate) const override { return candidate.changes.size(); }

  Result<HistoryCase> read_case(const CaseFiles& files) const override {
    const auto script = files.find(std::string(kHistoryFile));
    if (script == files.end()) return std::unexpected(unreadable_case("no history.txt"));
    HistoryCase read;
    std::istringstream lines(script->second);
    std::string line;
    std::getline(lines, line);
    const auto start = read_start(line, files);
    if (!start) return std::unexpected(start.error());
    read.start = *start;
    while (std::getline(lines, line)) {
      if (line.empty() || line.starts_with('#')) continue;
      const auto change = parse_change(line);
      if (!change) return std::unexpected(change.error());
      read.changes.push_back(*change);
    }
    return read;
  }

 private:
  static Result<HistoryStart> read_start(const std::string& line, const CaseFiles& files) {
    HistoryStart start;
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word == "machine" && words >> start.arch >> start.machine >> start.numa_cells) return start;
    const auto config = files.find(std::string(kStartFile));
    if (word != "start" || config == files.end())
      return std::unexpected(unreadable_case("history.txt begins neither with a machine nor with a start"));
    start.xml = config->second;
    return start;
  }

  static Sketch sketch_of(const domain::Domain& config) {
    Sketch sketch{.express = false, .x86 = config.arch == "x86_64"};
    for (const domain::Device& device : config.devices) {
      if (device.controller && device.controller->pci_model) ++sketch.buses;
      if (device.controller && device.controller->pci_model == pci::ControllerModel::PcieRoot) sketch.express = true;
      if (device.element == domain::kNoElement) continue;
      const auto id = unsigned_32(std::string_view(device.alias).substr(3), Radix::Decimal);
      if (id) sketch.items.push_back({*id, device.controller.has_value(), 0});
    }
    return sketch;
  }

  Selection selection_;
  std::string start_;
};

}  // namespace

std::unique_ptr<Hunt> make_history_hunt(Selection selection, std::string start) {
  return std::make_unique<HistoryHunt>(std::move(selection), std::move(start));
}

}  // namespace busproof::verify
