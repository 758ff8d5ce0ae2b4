#include "verify/host_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <sstream>
#include <utility>

#include "engine/base/text.h"

namespace busproof::verify {
namespace {

using host::GroupPolicy;
using host::HostAddress;

/// What follows the word of a command: the name of a guest or module, addresses, a number, an operation of the world.
enum class Takes : std::uint8_t { Devices, Guest, GuestAndDevices, Module, DeviceAndCount, Nothing, World };

struct HostVerbRow {
  HostVerb verb;
  std::string_view word;
  Takes takes;
  std::optional<host::Operation> operation;
};
constexpr std::array kHostVerbs = {
    HostVerbRow{HostVerb::Detach, "detach", Takes::Devices, host::Operation::Detach},
    HostVerbRow{HostVerb::Reattach, "reattach", Takes::Devices, host::Operation::Reattach},
    HostVerbRow{HostVerb::Reset, "reset", Takes::Devices, host::Operation::Reset},
    HostVerbRow{HostVerb::Prepare, "prepare", Takes::GuestAndDevices, host::Operation::Prepare},
    HostVerbRow{HostVerb::Release, "release", Takes::GuestAndDevices, host::Operation::Release},
    HostVerbRow{HostVerb::Recover, "recover", Takes::Nothing, std::nullopt},
    HostVerbRow{HostVerb::VirtualFunctions, "vfs", Takes::DeviceAndCount, std::nullopt},
    HostVerbRow{HostVerb::Commit, "commit", Takes::Guest, std::nullopt},
    HostVerbRow{HostVerb::Close, "close", Takes::Guest, std::nullopt},
    HostVerbRow{HostVerb::Load, "load", Takes::Module, std::nullopt},
    HostVerbRow{HostVerb::Unload, "unload", Takes::Module, std::nullopt},
    HostVerbRow{HostVerb::Swap, "swap", Takes::Devices, std::nullopt},
    HostVerbRow{HostVerb::World, "world", Takes::World, std::nullopt},
};
static_assert(kHostVerbs.size() == kHostVerbCount);

const HostVerbRow& row_of(HostVerb verb) { return *std::ranges::find(kHostVerbs, verb, &HostVerbRow::verb); }

struct SwitchRow {
  std::string_view word;
  bool HostCommand::* is_on;
};
constexpr std::array kSwitches = {
    SwitchRow{"force", &HostCommand::force},
    SwitchRow{"reprobe", &HostCommand::reprobe},
    SwitchRow{"unmanaged", &HostCommand::unmanaged},
    SwitchRow{"reset=always", &HostCommand::always_reset},
};

struct PolicyRow {
  std::string_view word;
  GroupPolicy policy;
};
constexpr std::array kPolicies = {
    PolicyRow{"group=companions", GroupPolicy::Companions},
    PolicyRow{"group=stub-companions", GroupPolicy::StubCompanions},
    PolicyRow{"group=ignore", GroupPolicy::Ignore},
};
constexpr std::string_view kDriver = "driver=";

struct WhenRow {
  std::string_view word;
  CrashPoint::When when;
};
constexpr std::array kWhens = {
    WhenRow{"before", CrashPoint::When::Before},
    WhenRow{"after", CrashPoint::When::After},
    WhenRow{"torn", CrashPoint::When::Torn},
    WhenRow{"full", CrashPoint::When::Full},
};

std::unexpected<Error> unreadable(std::string_view line, std::string_view why) {
  return std::unexpected(Error{ErrorKind::Unreadable, "", fmt::format("'{}': {}", line, why), {}, {}, {}});
}

/// An option of a command; false when it is none.
bool take_option(const std::string& word, HostCommand& command) {
  const auto* is_switch = std::ranges::find(kSwitches, word, &SwitchRow::word);
  const auto* policy = std::ranges::find(kPolicies, word, &PolicyRow::word);
  if (is_switch != kSwitches.end())
    command.*(is_switch->is_on) = true;
  else if (policy != kPolicies.end())
    command.group = policy->policy;
  else if (word.starts_with(kDriver))
    command.driver = word.substr(kDriver.size());
  else
    return false;
  return true;
}

Result<HostCommand> parse_command(std::string_view line) {
  const auto words = words_of(line);
  const auto* row = words.empty() ? kHostVerbs.end() : std::ranges::find(kHostVerbs, words[0], &HostVerbRow::word);
  if (row == kHostVerbs.end()) return unreadable(line, "no such command");
  HostCommand command{.verb = row->verb};
  if (row->takes == Takes::World) {
    auto world = fakesys::parse_operation(line.substr(line.find(words[0]) + words[0].size()));
    if (!world) return unreadable(line, world.error().message);
    command.world = *std::move(world);
    return command;
  }
  const bool named = row->takes == Takes::Guest || row->takes == Takes::GuestAndDevices || row->takes == Takes::Module;
  std::optional<unsigned> count;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto address = HostAddress::parse(words[i]);
    if (named && i == 1)
      command.name = words[i];
    else if (address)
      command.devices.push_back(*address);
    else if (row->takes == Takes::DeviceAndCount && i == 2)
      count = unsigned_32(words[i], Radix::Decimal);
    else if (!take_option(words[i], command))
      return unreadable(line, "'" + words[i] + "' is not known");
  }
  command.count = count.value_or(0);
  const bool lacks_device = row->takes == Takes::Devices || row->takes == Takes::DeviceAndCount;
  if ((named && command.name.empty()) || (lacks_device && command.devices.empty()) ||
      (row->takes == Takes::DeviceAndCount && !count))
    return unreadable(line, "something is missing at the end");
  return command;
}

Result<CrashPoint> parse_crash(std::string_view line) {
  const auto words = words_of(line);
  const auto* row = words.size() == 3 ? std::ranges::find(kWhens, words[1], &WhenRow::word) : kWhens.end();
  const auto at = words.size() == 3 ? unsigned_32(words[2], Radix::Decimal) : std::nullopt;
  if (row == kWhens.end() || !at || *at == 0) return unreadable(line, "a crash is before, after, torn or full, and N");
  return CrashPoint{*at, row->when};
}

/// "12,5"; "-": the one after the other.
std::optional<std::vector<std::uint32_t>> parse_turns(std::string_view word) {
  std::vector<std::uint32_t> turns;
  if (word == "-") return turns;
  for (const auto part : std::views::split(word, ',')) {
    const auto number = unsigned_32(std::string_view(part.begin(), part.end()), Radix::Decimal);
    if (!number) return std::nullopt;
    turns.push_back(*number);
  }
  return turns;
}

/// "beside 12,5 detach …", of the step that came last.
Result<void> parse_beside(std::string_view line, std::vector<HostStep>& steps) {
  const auto words = words_of(line);
  if (steps.empty()) return unreadable(line, "nothing comes before it");
  auto turns = words.size() < 3 ? std::nullopt : parse_turns(words[1]);
  if (!turns) return unreadable(line, "turns are numbers with commas between them, or -");
  auto command = parse_command(line.substr(line.find(words[1]) + words[1].size()));
  if (!command) return std::unexpected(command.error());
  if (!is_operation(command->verb)) return unreadable(line, "only an operation can be beside another");
  steps.back().beside = *std::move(command);
  steps.back().turns = *std::move(turns);
  return {};
}

}  // namespace

std::string_view to_string(HostVerb verb) { return row_of(verb).word; }

bool is_operation(HostVerb verb) {
  return row_of(verb).operation.has_value() || verb == HostVerb::Recover || verb == HostVerb::VirtualFunctions;
}

std::optional<host::Request> request_of(const HostCommand& command) {
  const auto operation = row_of(command.verb).operation;
  if (!operation) return std::nullopt;
  host::Request request{.operation = *operation};
  for (const HostAddress& device : command.devices) {
    host::Wish wish{.address = device, .driver = {.model = command.driver}, .managed = !command.unmanaged};
    if (*operation == host::Operation::Prepare) wish.driver.backend = host::Backend::Qemu;
    request.devices.push_back(std::move(wish));
  }
  if (!command.name.empty()) request.owner = host::Owner{"qemu", command.name};
  request.group = command.group;
  request.force = command.force;
  request.reprobe = command.reprobe;
  if (command.always_reset) request.reset = host::ResetPolicy::Always;
  return request;
}

std::string to_string(const HostCommand& command) {
  std::string text(to_string(command.verb));
  const auto add = [&](std::string_view word) { text.append(1, ' ').append(word); };
  if (!command.name.empty()) add(command.name);
  for (const HostAddress& device : command.devices) add(to_string(device));
  if (command.verb == HostVerb::VirtualFunctions) add(std::to_string(command.count));
  if (command.verb == HostVerb::World) add(to_text(command.world));
  if (!command.driver.empty()) add(std::string(kDriver) + command.driver);
  for (const PolicyRow& row : kPolicies)
    if (row.policy == command.group) add(row.word);
  for (const SwitchRow& row : kSwitches)
    if (command.*(row.is_on)) add(row.word);
  return text;
}

std::string to_text(const HostStep& step) {
  std::string text;
  for (const fakesys::Fault& fault : step.faults) text += "fault " + to_text(fault) + "\n";
  for (const WhenRow& row : kWhens)
    if (row.when == step.crash.when) text += fmt::format("crash {} {}\n", row.word, step.crash.at);
  if (step.rehearsed) text += "rehearse\n";
  text += to_string(step.command) + "\n";
  if (step.beside)
    text += fmt::format("beside {} {}\n", step.turns.empty() ? "-" : fmt::format("{}", fmt::join(step.turns, ",")),
                        to_string(*step.beside));
  return text;
}

Result<std::vector<HostStep>> parse_host_steps(std::string_view text) {
  std::vector<HostStep> steps;
  HostStep next;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const auto words = words_of(line);
    if (words.empty() || words[0].starts_with('#')) continue;
    if (words[0] == "fault") {
      auto fault = fakesys::parse_fault(std::string_view(line).substr(line.find(words[0]) + words[0].size()));
      if (!fault) return std::unexpected(fault.error());
      next.faults.push_back(*std::move(fault));
    } else if (words[0] == "crash") {
      const auto crash = parse_crash(line);
      if (!crash) return std::unexpected(crash.error());
      next.crash = *crash;
    } else if (words[0] == "rehearse") {
      next.rehearsed = true;
    } else if (words[0] == "beside") {
      if (auto added = parse_beside(line, steps); !added) return std::unexpected(added.error());
    } else {
      auto command = parse_command(line);
      if (!command) return std::unexpected(command.error());
      next.command = *std::move(command);
      steps.push_back(std::exchange(next, {}));
    }
  }
  if (!next.faults.empty() || next.crash.when != CrashPoint::When::Never)
    return unreadable("fault", "no operation follows it");
  return steps;
}

}  // namespace busproof::verify
