#include "fakesys/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <ranges>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fakesys/numbers.h"
#include "fakesys/replay_runner.h"

namespace busproof::fakesys {
namespace {

using nlohmann::json;

constexpr std::string_view kQueue = "queue-in-flight";
constexpr std::string_view kRom = "rom-content";
constexpr std::string_view kPorts = "port-content";
constexpr std::string_view kRecovery = "error-recovery-on-rescan";
constexpr std::string_view kRace = "race-frequencies";
constexpr std::string_view kKilled = "killed-caller";
constexpr std::string_view kAsync = "asynchronous-probe";
constexpr std::string_view kDead = "dead-controller";

constexpr std::array kExcuses = {
    Excuse{kQueue,
           "calls that a step released were still at work when the recorder looked; at its next look all is the same"},
    Excuse{kRom, "the bytes of a ROM are the emulated card's, and not in the captured tree"},
    Excuse{kPorts, "what a card's ports say is the emulated card's, and not in the captured tree"},
    Excuse{kRecovery, "an emulated port that is found anew reports an error, and the recovery sends `change` events"},
    Excuse{kRace, "which racer wins is chance; each outcome that was recorded is one that can happen here"},
    Excuse{kKilled, "a process that was sent a signal has no result to tell"},
    Excuse{kAsync, "a driver that probes in the background binds while the scan goes on, sooner or later in it"},
    Excuse{kDead,
           "a driver lets go of an emulated controller that never works half a second later, and a look takes time"},
};

/// Members of a step that are arguments or explanations, and no results.
constexpr std::array kNoResults = {"op",     "path",   "oflags",      "as",     "limit_ms", "uevents",  "klog",
                                   "after",  "ms",     "duration_ms", "call",   "args",     "module",   "params",
                                   "offset", "length", "hex",         "rounds", "racers",   "clean_up", "signal"};

/// What of a list of names is not in the other: lists are long, and differ in a name or two.
json only_in(const json& list, const json& other) {
  const auto is_list = [](const json& value) {
    return value.is_array() && std::ranges::all_of(value, [](const json& item) { return item.is_string(); });
  };
  if (!is_list(list) || !is_list(other)) return list;
  json only = json::array();
  std::ranges::copy_if(list, std::back_inserter(only),
                       [&](const json& item) { return std::ranges::find(other, item) == other.end(); });
  return only == list ? list : json{{"only", only}};
}

std::string shown(const json& value) {
  constexpr std::size_t kLongest = 400;
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "…";
  return text;
}

/// Where two values differ, as paths below `at`.
void differences_between(const std::string& at, const json& ours, const json& recorded,
                         std::vector<std::pair<std::string, std::pair<json, json>>>& found) {
  if (ours == recorded) return;
  if (!ours.is_object() || !recorded.is_object()) {
    found.push_back({at, {ours, recorded}});
    return;
  }
  std::set<std::string> names;
  for (const auto& [name, value] : ours.items()) names.insert(name);
  for (const auto& [name, value] : recorded.items()) names.insert(name);
  for (const std::string& name : names) {
    const json absent = "absent";
    std::string below = at;
    below.append("/").append(name);
    differences_between(below, ours.contains(name) ? ours[name] : absent,
                        recorded.contains(name) ? recorded[name] : absent, found);
  }
}

bool is_result(const std::string& op, const std::string& name) {
  if (std::ranges::find(kNoResults, name) != kNoResults.end()) return false;
  const bool takes_data = op == "write" || op == "pwrite";
  if ((name == "data" || name == "data_b64") && takes_data) return false;
  if (name == "mode" && op == "chmod") return false;
  return !(name == "id" && op != "write" && op != "read");
}

constexpr std::array kSubsystems = {"pci", "pci_bus", "vfio", "vfio-dev"};

std::string subsystem_of(std::string_view event) {
  const auto first = event.find(' ');
  const auto second = event.find(' ', first + 1);
  return std::string(event.substr(first + 1, second - first - 1));
}

std::vector<std::string> recorded_uevents(const json& step) {
  std::vector<std::string> out;
  for (const auto& entry : step.value("uevents", json::array())) {
    const auto event = entry.is_string() ? entry.get<std::string>() : entry.dump();
    if (std::ranges::find(kSubsystems, subsystem_of(event)) != kSubsystems.end()) out.push_back(event);
  }
  return out;
}

std::string device_of_event(std::string_view event) {
  const auto first = event.find('/');
  const std::string_view path = event.substr(first, event.find(' ', first) - first);
  return std::string(path.substr(path.rfind('/') + 1));
}

/// Without the `change` events of devices that were found in the same stretch of events.
std::vector<std::string> without_recovery(const std::vector<std::string>& events) {
  std::set<std::string> found;
  std::vector<std::string> out;
  for (const std::string& event : events) {
    if (event.starts_with("add pci /")) found.insert(device_of_event(event));
    if (event.starts_with("change pci /") && found.contains(device_of_event(event))) continue;
    out.push_back(event);
  }
  return out;
}

/// In one order, whenever a driver that probes in the background was done with its devices.
std::vector<std::string> without_background(std::vector<std::string> events) {
  const auto of_background = [](const std::string& event) {
    return event.starts_with("bind pci /") && event.ends_with(" DRIVER=nvme");
  };
  const auto background = std::ranges::stable_partition(events, std::not_fn(of_background));
  std::ranges::sort(background);
  return events;
}

/// Follows one scenario and keeps what has to wait for the next step to be judged.
class Judge {
 public:
  Judge(ScenarioRunner& runner, ScenarioReport& report) : runner_(runner), report_(report) {}

  void before(const json& recorded) {
    for (const auto& [at, values] : compare_states(recorded)) report({-1, "before", "state " + at, {}, {}, {}}, values);
    runner_.uevents();
  }

  void step(int index, const json& step) {
    index_ = index;
    agreed_ = true;
    const std::string op = recorded_text(step, "op");
    call_ = op + ' ' +
            recorded_text(step, "path",
                          recorded_text(step, "call", recorded_text(step, "id", recorded_text(step, "module"))));
    results(step, op, runner_.run(step));
    if (op == "race") {
      runner_.uevents();
    } else {
      events(step);
    }
    if (step.contains("after")) states(step["after"]);
    if (agreed_) ++report_.steps_agreeing;
  }

  void end() {
    settle_states();
    if (ours_ != recorded_) report({index_, call_, "uevents", {}, {}, {}}, {ours_, recorded_});
  }

 private:
  using Values = std::pair<json, json>;

  void report(Difference difference, const Values& values) {
    const bool of_names = difference.what == "names";
    difference.ours = shown(of_names ? only_in(values.first, values.second) : values.first);
    difference.recorded = shown(of_names ? only_in(values.second, values.first) : values.second);
    if (difference.excuse.empty()) agreed_ = false;
    report_.differences.push_back(std::move(difference));
  }

  void results(const json& step, const std::string& op, const json& ours) {
    if (op == "race") {
      for (const char* name : {"outcomes", "drivers_after"})
        race_outcomes(name, step.value(name, json::object()), ours[name]);
      return;
    }
    json recorded = json::object();
    for (const auto& [name, value] : step.items()) {
      if (is_result(op, name)) recorded[name] = value;
    }
    const bool killed = op == "join" && recorded_text(recorded, "join") != "still blocked" &&
                        recorded_text(recorded, "join") != "unknown" && recorded_text(ours, "join") == "done" &&
                        signalled_.contains(recorded_text(step, "id"));
    if (op == "signal") signalled_.insert(recorded_text(step, "id"));
    json comparable = ours;
    // What a call that is left behind will be known by may be said beforehand.
    if (!comparable.contains("blocked")) comparable.erase("id");
    if (!recorded.contains("blocked")) recorded.erase("id");
    if (op == "signal" && !recorded.contains("result")) comparable = recorded;
    std::vector<std::pair<std::string, Values>> found;
    differences_between("", comparable, recorded, found);
    for (const auto& [at, values] : found) {
      Difference difference{index_, call_, at.substr(1), {}, {}, {}};
      if (killed) difference.excuse = kKilled;
      if (call_.ends_with("/rom") && at.starts_with("/data")) difference.excuse = kRom;
      if (call_.contains("/resource") && at.starts_with("/data")) difference.excuse = kPorts;
      report(std::move(difference), values);
    }
  }

  /// What was recorded must be possible; what is possible need not have been recorded.
  void race_outcomes(const char* what, const json& recorded, const json& possible) {
    std::vector<std::string> unseen;
    for (const auto& [outcome, times] : recorded.items()) {
      if (!possible.contains(outcome)) report({index_, call_, what, {}, {}, {}}, {possible, outcome});
    }
    for (const auto& [outcome, times] : possible.items()) {
      if (!recorded.contains(outcome)) unseen.push_back(outcome);
    }
    if (!unseen.empty()) report({index_, call_, what, {}, {}, std::string(kRace)}, {unseen, recorded});
  }

  void events(const json& step) {
    const auto ours = runner_.uevents();
    const auto recorded = recorded_uevents(step);
    ours_.insert(ours_.end(), ours.begin(), ours.end());
    recorded_.insert(recorded_.end(), recorded.begin(), recorded.end());
    in_flight_ = runner_.released() || (in_flight_ && recorded_text(step, "op") == "join");
    if (ours_ == recorded_) {
      clear_events();
      return;
    }
    if (in_flight_ && std::ranges::equal(recorded_, ours_ | std::views::take(recorded_.size()))) {
      late_events_ = true;
      return;
    }
    std::string excuse;
    if (without_recovery(ours_) == without_recovery(recorded_)) excuse = kRecovery;
    if (without_background(ours_) == without_background(recorded_)) excuse = kAsync;
    report({index_, call_, "uevents", {}, {}, std::move(excuse)}, {ours_, recorded_});
    clear_events();
  }

  void clear_events() {
    if (late_events_) report({index_, call_, "uevents", {}, {}, std::string(kQueue)}, {"earlier", "in this step"});
    late_events_ = false;
    ours_.clear();
    recorded_.clear();
  }

  std::vector<std::pair<std::string, Values>> compare_states(const json& recorded) {
    std::vector<std::pair<std::string, Values>> found;
    differences_between("", runner_.state(), recorded, found);
    return found;
  }

  void states(const json& recorded) {
    const auto found = compare_states(recorded);
    if (!late_states_.empty() && found.empty()) {
      for (auto& [difference, values] : late_states_) {
        difference.excuse = kQueue;
        report(std::move(difference), values);
      }
      late_states_.clear();
    }
    settle_states();
    const auto let_go = being_let_go(found);
    for (const auto& [at, values] : found) {
      Difference difference{index_, call_, "state " + at, {}, {}, {}};
      const std::string of = at.substr(0, at.rfind('/'));
      if (let_go.contains(of) && (at == of + "/driver" || at == of + "/enable")) difference.excuse = kDead;
      if (in_flight_ && runner_.released()) {
        late_states_.emplace_back(std::move(difference), values);
      } else {
        report(std::move(difference), values);
      }
    }
  }

  /// Where the devices are (/devices/0000:04:00.1) whose dead controllers one has let go of and the other not yet.
  [[nodiscard]] std::set<std::string> being_let_go(const std::vector<std::pair<std::string, Values>>& found) const {
    constexpr std::string_view kDevices = "/devices/", kDriver = "/driver";
    std::set<std::string> out;
    for (const auto& [at, values] : found) {
      if (!at.starts_with(kDevices) || !at.ends_with(kDriver)) continue;
      if (values != Values{nullptr, "nvme"} && values != Values{"nvme", nullptr}) continue;
      const std::string device = at.substr(0, at.size() - kDriver.size());
      if (runner_.has_dead_controller(std::string_view(device).substr(kDevices.size()))) out.insert(device);
    }
    return out;
  }

  /// Differences that the next look did not take back.
  void settle_states() {
    for (auto& [difference, values] : late_states_) {
      if (report_.steps_agreeing > 0) --report_.steps_agreeing;
      report(std::move(difference), values);
    }
    late_states_.clear();
  }

  ScenarioRunner& runner_;
  ScenarioReport& report_;
  int index_ = 0;
  std::string call_;
  bool agreed_ = true;
  bool in_flight_ = false;
  bool late_events_ = false;
  std::vector<std::string> ours_, recorded_;
  std::vector<std::pair<Difference, Values>> late_states_;
  std::set<std::string> signalled_;
};

ScenarioReport run_scenario(const json& scenario, std::span<const Host> machines) {
  ScenarioReport report;
  report.name = recorded_text(scenario, "scenario");
  report.machine = recorded_text(scenario, "topology");
  report.kernel = recorded_text(scenario, "kernel");
  const auto machine = std::ranges::find(machines, report.machine, [](const Host& host) { return host.facts->name; });
  if (machine == machines.end()) {
    report.skipped = "no tree of machine " + report.machine;
    return report;
  }
  ScenarioRunner runner(*machine, scenario);
  Judge judge(runner, report);
  if (scenario.contains("before")) judge.before(scenario["before"]);
  int index = 0;
  for (const auto& step : scenario.value("steps", json::array())) {
    ++report.steps;
    judge.step(index++, step);
  }
  judge.end();
  return report;
}

bool all_are(const json& list, bool (json::*is_right)() const noexcept) {
  return list.is_array() && std::ranges::all_of(list, [&](const json& item) { return (item.*is_right)(); });
}

/// Why the runner could not make sense of a scenario; empty if it can.
std::string flaw_of(const json& scenario) {
  if (scenario.is_discarded()) return "not JSON";
  if (!scenario.is_object()) return "no object";
  for (const char* name : {"scenario", "topology"}) {
    if (!scenario.contains(name) || !scenario[name].is_string()) return fmt::format("it has no \"{}\"", name);
  }
  if (!scenario.contains("steps") || !all_are(scenario["steps"], &json::is_object)) return "it has no \"steps\"";
  for (const char* name : {"watch", "modules_not_loaded_at_boot"}) {
    if (scenario.contains(name) && !all_are(scenario[name], &json::is_string))
      return fmt::format("\"{}\" is no list of names", name);
  }
  for (const json& step : scenario["steps"]) {
    for (const char* name : {"racers", "clean_up"}) {
      if (step.contains(name) && !all_are(step[name], &json::is_object))
        return fmt::format("\"{}\" is no list of writes", name);
    }
    for (const char* name : {"uevents", "args"}) {
      if (step.contains(name) && !step[name].is_array()) return fmt::format("\"{}\" is no list", name);
    }
    for (const char* name : {"outcomes", "drivers_after"}) {
      if (step.contains(name) && !step[name].is_object()) return fmt::format("\"{}\" is no object", name);
    }
  }
  return {};
}

/// The scenarios of a recording whose names fit.
Result<std::vector<json>> read_scenarios(std::string_view jsonl, std::string_view glob) {
  std::vector<json> scenarios;
  std::size_t number = 0;
  for (const auto part : std::views::split(jsonl, '\n')) {
    const std::string_view line(part.begin(), part.end());
    ++number;
    if (trimmed(line).empty()) continue;
    json scenario = json::parse(line, nullptr, false);
    if (const std::string flaw = flaw_of(scenario); !flaw.empty()) {
      return Refusal(Error{.kind = ErrorKind::Unreadable,
                           .rule = "",
                           .message = fmt::format("line {} is no recorded scenario: {}", number, flaw),
                           .remedy = "one JSON object a line, as in a recording's ops.jsonl"});
    }
    if (glob_matches(glob, recorded_text(scenario, "scenario"))) scenarios.push_back(std::move(scenario));
  }
  return scenarios;
}

}  // namespace

std::span<const Excuse> excuses() { return kExcuses; }

bool glob_matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    for (std::size_t i = 0; i <= name.size(); ++i) {
      if (glob_matches(pattern.substr(1), name.substr(i))) return true;
    }
    return false;
  }
  return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) &&
         glob_matches(pattern.substr(1), name.substr(1));
}

bool ScenarioReport::agrees() const {
  return skipped.empty() && steps == steps_agreeing &&
         std::ranges::all_of(differences, [](const Difference& difference) { return !difference.excuse.empty(); });
}

std::size_t ReplayReport::run() const {
  return static_cast<std::size_t>(std::ranges::count_if(scenarios, [](const auto& s) { return s.skipped.empty(); }));
}
std::size_t ReplayReport::agreeing() const {
  return static_cast<std::size_t>(std::ranges::count_if(scenarios, &ScenarioReport::agrees));
}
std::size_t ReplayReport::steps() const {
  std::size_t sum = 0;
  for (const ScenarioReport& scenario : scenarios) sum += scenario.steps;
  return sum;
}
std::size_t ReplayReport::steps_agreeing() const {
  std::size_t sum = 0;
  for (const ScenarioReport& scenario : scenarios) sum += scenario.steps_agreeing;
  return sum;
}
bool ReplayReport::all_agree() const { return run() > 0 && agreeing() == run(); }

Result<std::vector<std::string>> machines_of(std::string_view jsonl, std::string_view glob) {
  const auto scenarios = read_scenarios(jsonl, glob);
  if (!scenarios) return std::unexpected(scenarios.error());
  std::set<std::string> machines;
  for (const json& scenario : *scenarios) machines.insert(recorded_text(scenario, "topology"));
  return std::vector<std::string>(machines.begin(), machines.end());
}

Result<ReplayReport> replay(std::string_view jsonl, std::span<const Host> machines, std::string_view glob) {
  const auto scenarios = read_scenarios(jsonl, glob);
  if (!scenarios) return std::unexpected(scenarios.error());
  ReplayReport report;
  for (const json& scenario : *scenarios) report.scenarios.push_back(run_scenario(scenario, machines));
  return report;
}

}  // namespace busproof::fakesys
