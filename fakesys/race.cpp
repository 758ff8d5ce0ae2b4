#include "fakesys/race.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <map>
#include <optional>

#include "fakesys/sysfs.h"

namespace busproof::fakesys {
namespace {

/// How often a racer may be kept waiting in the middle of something that it could go on with. Nearly all that can go
/// wrong goes wrong within two.
constexpr unsigned kInterruptionMax = 2;
/// How much a race may cost: two rescans of a machine of forty devices, in all ways, would take a minute.
constexpr std::size_t kMoveMax = 20'000;
constexpr std::int64_t kWaitMs = 500, kPatienceMs = 20'000;

/// One racer in the middle of its write.
struct Racer {
  enum class At : std::uint8_t { Opening, Entering, Writing, Running, Done } at = At::Opening;
  Found<File> file;
  CallId call = 0;
  int error = 0;
};

struct Situation {
  Host host;
  std::vector<Racer> racers;
  std::int64_t waited_ms = 0;
};

/// Moves one racer by one thing that it does. False: it cannot move.
bool move(Situation& now, const Race& race, std::size_t index) {
  Racer& racer = now.racers[index];
  const RaceWrite& write = race.racers[index];
  Model& model = now.host.model;
  switch (racer.at) {
    case Racer::At::Opening:
      racer.file = open_file(now.host, write.path, {.writing = true}, write.caller);
      racer.error = racer.file.error;
      racer.at = racer.error != 0 ? Racer::At::Done : Racer::At::Entering;
      return true;
    case Racer::At::Entering:
      racer.error = outlived(now.host, racer.file.value) ? ENODEV : 0;
      racer.at = racer.error != 0 ? Racer::At::Done : Racer::At::Writing;
      return true;
    case Racer::At::Writing: {
      // Who is in a write already when the file goes finds that somebody else has done it.
      if (racer.file.value.name == "remove" && outlived(now.host, racer.file.value)) {
        racer.at = Racer::At::Done;
        return true;
      }
      auto prepared = prepare_write(now.host, racer.file.value, write.data, write.caller);
      racer.error = prepared.error;
      racer.at = prepared.error != 0 || prepared.value.empty() ? Racer::At::Done : Racer::At::Running;
      if (racer.at == Racer::At::Running) racer.call = model.hold(std::move(prepared.value));
      return true;
    }
    case Racer::At::Running: {
      const bool stopped = model.step(racer.call);
      if (auto result = model.take_result(racer.call)) {
        racer.error = *result;
        racer.at = Racer::At::Done;
        return true;
      }
      return !stopped;
    }
    case Racer::At::Done:
      return false;
  }
  return false;
}

bool over(const Situation& now) {
  return std::ranges::all_of(now.racers, [](const Racer& racer) { return racer.at == Racer::At::Done; });
}

std::string result_of(const Situation& now) {
  std::string text;
  for (const Racer& racer : now.racers)
    text += (text.empty() ? "" : " | ") + (racer.at == Racer::At::Done ? errno_name(racer.error) : "blocked");
  return text;
}

std::string drivers_of(const Host& host, const std::vector<std::string>& watched) {
  std::string text;
  for (const std::string& name : watched) {
    const auto address = HostAddress::parse(name);
    const Slot slot = address ? host.model.find(*address) : kNoSlot;
    std::string driver = "absent";
    if (slot != kNoSlot) driver = driver_name(host.model, host.model.device(slot));
    if (driver.empty()) driver = "none";
    if (!text.empty()) text += ' ';
    text.append(name).append("=").append(driver);
  }
  return text;
}

/// Goes through the ways in which the racers can come in between each other, one end of each kind kept.
struct Explorer {
  const Race& race;
  std::size_t& moves_left;             ///< when they are used up, nobody is interrupted any more
  std::map<std::string, Host> ends{};  // by result and drivers
  RaceOutcomes outcomes{};

  void explore(const Situation& now, std::size_t running, unsigned interruptions) {
    if (over(now)) return end(now);
    Situation same = now;
    const bool goes_on = move_one(same, running);
    if (goes_on) explore(same, running, interruptions);
    if (goes_on && (interruptions == kInterruptionMax || moves_left == 0)) return;
    bool somebody = goes_on;
    for (std::size_t i = 0; i < now.racers.size(); ++i) {
      if (i == running) continue;
      Situation then = now;
      if (!move_one(then, i)) continue;
      somebody = true;
      explore(then, i, interruptions + (goes_on ? 1 : 0));
    }
    if (!somebody) wait(now, running, interruptions);
  }

 private:
  bool move_one(Situation& now, std::size_t index) {
    if (moves_left > 0) --moves_left;
    return move(now, race, index);
  }

  void end(const Situation& now) {
    const std::string result = result_of(now);
    const std::string drivers = drivers_of(now.host, race.watched);
    outcomes.results.insert(result);
    outcomes.drivers_after.insert(drivers);
    ends.emplace(result + ' ' + drivers, now.host);
  }

  /// All wait: for time to pass, or for what will not come, and then they are left where they are.
  void wait(const Situation& now, std::size_t running, unsigned interruptions) {
    if (now.waited_ms >= kPatienceMs) return end(now);
    Situation later = now;
    later.waited_ms += kWaitMs;
    later.host.model.advance(kWaitMs);
    explore(later, running, interruptions);
  }
};

void clean_up(Host& host, const Race& race) {
  for (const RaceWrite& write : race.clean_up) {
    const auto file = open_file(host, write.path, {.writing = true}, write.caller);
    if (file.error != 0) continue;
    const CallId call = write_file(host, file.value, write.data, write.caller).waiting;
    for (std::int64_t waited_ms = 0; call != 0 && host.model.under_way(call) && waited_ms < kPatienceMs;
         waited_ms += kWaitMs)
      host.model.advance(kWaitMs);
    if (call != 0) host.model.take_result(call);
  }
}

}  // namespace

RaceOutcomes run_race(Host& host, const Race& race) {
  RaceOutcomes outcomes;
  std::size_t moves_left = kMoveMax;
  for (std::size_t round = 0; round < race.rounds; ++round) {
    Situation start{host, std::vector<Racer>(race.racers.size())};
    start.host.model.listening = false;
    Explorer explorer{race, moves_left};
    Situation opened = start;
    for (std::size_t i = 0; i < race.racers.size(); ++i) move(opened, race, i);
    // Mostly all have opened their files before the first one writes; but one may also come late.
    for (const Situation& begin : {opened, start})
      for (std::size_t first = 0; first < race.racers.size(); ++first) explorer.explore(begin, first, 0);
    outcomes.results.merge(explorer.outcomes.results);
    outcomes.drivers_after.merge(explorer.outcomes.drivers_after);
    auto end = explorer.ends.begin();
    std::advance(end, static_cast<std::ptrdiff_t>(round % explorer.ends.size()));
    const bool listening = host.model.listening;
    host = end->second;
    clean_up(host, race);
    host.model.listening = listening;
  }
  return outcomes;
}

}  // namespace busproof::fakesys
