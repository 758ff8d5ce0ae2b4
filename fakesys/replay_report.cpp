#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "fakesys/replay.h"

namespace busproof::fakesys {
namespace {

/// How often each excuse was needed.
std::map<std::string_view, std::size_t> excuses_met(const ReplayReport& report) {
  std::map<std::string_view, std::size_t> met;
  for (const ScenarioReport& scenario : report.scenarios) {
    for (const Difference& difference : scenario.differences) {
      if (!difference.excuse.empty()) ++met[difference.excuse];
    }
  }
  return met;
}

}  // namespace

std::string to_text(const ReplayReport& report) {
  std::string out;
  for (const ScenarioReport& scenario : report.scenarios) {
    if (!scenario.skipped.empty()) out += fmt::format("{}: not run: {}\n", scenario.name, scenario.skipped);
    for (const Difference& difference : scenario.differences) {
      const std::string step = difference.step < 0 ? "before" : fmt::format("step {}", difference.step);
      out += fmt::format("{} [{}] {}: {}: {}{}\n    fake     {}\n    recorded {}\n", scenario.name, scenario.machine,
                         step, difference.call, difference.what,
                         difference.excuse.empty() ? "" : " (excused: " + difference.excuse + ")", difference.ours,
                         difference.recorded);
    }
  }
  const auto met = excuses_met(report);
  if (!met.empty()) out += "Differences that are no kernel's doing:\n";
  for (const Excuse& excuse : excuses()) {
    if (const auto found = met.find(excuse.name); found != met.end())
      out += fmt::format("  {} ({}): {}\n", excuse.name, found->second, excuse.reason);
  }
  return out + fmt::format("{} of {} scenarios, {} of {} steps agree\n", report.agreeing(), report.run(),
                           report.steps_agreeing(), report.steps());
}

std::string to_json(const ReplayReport& report) {
  using json = nlohmann::ordered_json;
  json out = {{"scenarios", json::array()}, {"excuses", json::object()}};
  for (const ScenarioReport& scenario : report.scenarios) {
    json entry = {{"name", scenario.name},       {"machine", scenario.machine},
                  {"kernel", scenario.kernel},   {"agrees", scenario.agrees()},
                  {"steps", scenario.steps},     {"steps_agreeing", scenario.steps_agreeing},
                  {"differences", json::array()}};
    if (!scenario.skipped.empty()) entry["not_run"] = scenario.skipped;
    for (const Difference& difference : scenario.differences) {
      json found = {{"step", difference.step},
                    {"call", difference.call},
                    {"what", difference.what},
                    {"fake", difference.ours},
                    {"recorded", difference.recorded}};
      if (!difference.excuse.empty()) found["excuse"] = difference.excuse;
      entry["differences"].push_back(std::move(found));
    }
    out["scenarios"].push_back(std::move(entry));
  }
  const auto met = excuses_met(report);
  for (const Excuse& excuse : excuses()) {
    if (const auto found = met.find(excuse.name); found != met.end())
      out["excuses"][std::string(excuse.name)] = {{"reason", excuse.reason}, {"met", found->second}};
  }
  out["scenarios_run"] = report.run();
  out["scenarios_agreeing"] = report.agreeing();
  out["steps"] = report.steps();
  out["steps_agreeing"] = report.steps_agreeing();
  return out.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace busproof::fakesys
