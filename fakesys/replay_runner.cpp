#include "fakesys/replay_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ranges>
#include <string_view>

#include "engine/base/base64.h"
#include "fakesys/modules.h"
#include "fakesys/numbers.h"
#include "fakesys/race.h"

namespace busproof::fakesys {
namespace {

using nlohmann::json;

constexpr std::int64_t kUsualLimitMs = 4000;
/// How long the recorder tries to read an attribute of the state.
constexpr std::int64_t kStateReadMs = 700;
/// How long it waits for events to cease.
constexpr std::int64_t kStepMs = 20;

std::string data_of(const json& step) {
  if (step.contains("data_b64")) return from_base64(recorded_text(step, "data_b64")).value_or("");
  return recorded_text(step, "data");
}

std::string bytes_of_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    std::string_view pair = hex.substr(i, 2);
    bytes += static_cast<char>(scan_hex(pair).value_or(0));
  }
  return bytes;
}

OpenMode mode_of(const json& step) {
  const std::string flags = recorded_text(step, "oflags", "O_WRONLY");
  const bool both = flags.find("O_RDWR") != std::string::npos;
  return {.reading = both || flags.find("O_RDONLY") != std::string::npos,
          .writing = both || flags.find("O_WRONLY") != std::string::npos,
          .creating = flags.find("O_CREAT") != std::string::npos,
          .exclusive = flags.find("O_EXCL") != std::string::npos};
}

Caller caller_of(const json& step) { return recorded_text(step, "as") == "nobody" ? Caller::Nobody : Caller::Root; }

json of_count(const char* call, const IoResult& result) {
  if (result.error != 0) return {{"open", "ok"}, {call, errno_name(result.error)}, {"n", -1}};
  return {{"open", "ok"}, {call, "ok"}, {"n", result.count}};
}

/// Bytes that are no text were recorded as base64.
void tell_data(const json& step, const IoResult& result, json& out) {
  const std::string data = result.error == 0 ? result.data : std::string();
  if (step.contains("data_b64"))
    out["data_b64"] = to_base64(data);
  else
    out["data"] = data;
}

}  // namespace

std::string recorded_text(const json& object, const char* name, std::string otherwise) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

std::int64_t recorded_number(const json& object, const char* name, std::int64_t otherwise) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : otherwise;
}

ScenarioRunner::ScenarioRunner(Host host, const json& scenario) : host_(std::move(host)), scenario_(scenario) {
  host_.model.listening = true;
  host_.model.profile = profile_for(recorded_text(scenario, "kernel"));
  for (const auto& module : scenario.value("modules_not_loaded_at_boot", json::array())) {
    host_.model.unload_at_boot(module.get<std::string>());
  }
  at_start_ = devices_now();
}

json ScenarioRunner::run(const json& step) {
  struct Operation {
    std::string_view name;
    json (ScenarioRunner::*run)(const json& step);
  };
  static constexpr std::array kOperations = {
      Operation{"chmod", &ScenarioRunner::chmod},       Operation{"insmod", &ScenarioRunner::insmod},
      Operation{"join", &ScenarioRunner::join},         Operation{"list", &ScenarioRunner::list},
      Operation{"pread", &ScenarioRunner::pread},       Operation{"pwrite", &ScenarioRunner::pwrite},
      Operation{"race", &ScenarioRunner::race},         Operation{"read", &ScenarioRunner::read},
      Operation{"readlink", &ScenarioRunner::readlink}, Operation{"rmmod", &ScenarioRunner::rmmod},
      Operation{"signal", &ScenarioRunner::signal},     Operation{"sleep", &ScenarioRunner::sleep},
      Operation{"stat", &ScenarioRunner::stat},         Operation{"vfio", &ScenarioRunner::vfio},
      Operation{"write", &ScenarioRunner::write},
  };
  const std::string name = recorded_text(step, "op");
  const auto* operation = std::ranges::find(kOperations, name, &Operation::name);
  if (operation == kOperations.end()) return {{"op", "unknown: " + name}};
  const auto count_done = [&] {
    return std::ranges::count_if(waiting_,
                                 [&](const auto& entry) { return !host_.model.under_way(entry.second.call); });
  };
  const auto before = count_done();
  json out = (this->*operation->run)(step);
  pass(kStepMs);
  released_ = count_done() > before;
  return out;
}

bool ScenarioRunner::has_dead_controller(std::string_view device) const {
  const Slot slot = host_.model.find(device);
  return slot != kNoSlot && host_.model.device(slot).function->dead_controller;
}

// ---- Calls ---------------------------------------------------------------------------------------------------------

void ScenarioRunner::pass(std::int64_t milliseconds) { host_.model.advance(milliseconds); }

std::optional<int> ScenarioRunner::wait_for(CallId call, std::int64_t limit_ms) {
  const std::int64_t until = host_.model.now_ms() + limit_ms;
  for (;;) {
    if (auto result = host_.model.take_result(call)) return result;
    const auto wake = host_.model.next_wake_ms();
    if (!wake || *wake > until) break;
    pass(std::max<std::int64_t>(0, *wake - host_.model.now_ms()));
  }
  pass(std::max<std::int64_t>(0, until - host_.model.now_ms()));
  return host_.model.take_result(call);
}

json ScenarioRunner::leave(const json& step, Waiting left) {
  const std::string id = recorded_text(step, "id", fmt::format("call {}", left.call));
  waiting_[id] = std::move(left);
  return {{"blocked", true}, {"id", id}};
}

json ScenarioRunner::finish(const json& step, const char* kind, const File& file, IoResult result, std::size_t count) {
  if (const CallId call = result.waiting; call != 0) {
    const auto error = wait_for(call, recorded_number(step, "limit_ms", kUsualLimitMs));
    if (!error) return leave(step, {call, file, kind, count});
    result = *error != 0 ? IoResult{.error = *error} : IoResult{.count = count};
    if (*error == 0 && kind == std::string_view("read")) result = read_waited(host_, file, call);
  }
  json out = of_count(kind, result);
  if (kind == std::string_view("read")) tell_data(step, result, out);
  return out;
}

json ScenarioRunner::write(const json& step) {
  const auto file = open_file(host_, recorded_text(step, "path"), mode_of(step), caller_of(step));
  if (file.error != 0) return {{"open", errno_name(file.error)}};
  const std::string data = data_of(step);
  return finish(step, "write", file.value, write_file(host_, file.value, data, caller_of(step)), data.size());
}

json ScenarioRunner::read(const json& step) {
  const auto file = open_file(host_, recorded_text(step, "path"), {.reading = true}, caller_of(step));
  if (file.error != 0) return {{"open", errno_name(file.error)}};
  json out = finish(step, "read", file.value, read_file(host_, file.value, caller_of(step)), 0);
  if (out.value("read", "ok") != "ok") out["n"] = 0;
  return out;
}

json ScenarioRunner::pread(const json& step) {
  const auto file = open_file(host_, recorded_text(step, "path"), {.reading = true}, caller_of(step));
  if (file.error != 0) return {{"open", errno_name(file.error)}};
  const auto result = read_at(host_, file.value, static_cast<std::uint64_t>(recorded_number(step, "offset")),
                              static_cast<std::size_t>(recorded_number(step, "length")), caller_of(step));
  json out = of_count("read", result);
  out["data_b64"] = to_base64(result.data);
  return out;
}

json ScenarioRunner::pwrite(const json& step) {
  const auto file = open_file(host_, recorded_text(step, "path"), {.writing = true}, caller_of(step));
  if (file.error != 0) return {{"open", errno_name(file.error)}};
  const std::string bytes = bytes_of_hex(recorded_text(step, "hex"));
  const auto offset = static_cast<std::uint64_t>(recorded_number(step, "offset"));
  return of_count("write", write_at(host_, file.value, offset, bytes, caller_of(step)));
}

json ScenarioRunner::list(const json& step) {
  auto found = list_directory(host_, recorded_text(step, "path"));
  if (found.error != 0) return {{"open", errno_name(found.error)}};
  return {{"names", found.value}};
}

json ScenarioRunner::readlink(const json& step) {
  auto found = read_link(host_, recorded_text(step, "path"));
  if (found.error != 0) return {{"readlink", errno_name(found.error)}};
  return {{"readlink", "ok"}, {"target", found.value}};
}

json ScenarioRunner::stat(const json& step) {
  const auto found = stat_file(host_, recorded_text(step, "path"));
  if (found.error != 0) return {{"stat", errno_name(found.error)}};
  return {{"stat", "ok"}, {"mode", fmt::format("{:06o}", found.value.mode)}, {"size", found.value.size}};
}

json ScenarioRunner::chmod(const json& step) {
  const std::uint64_t mode = kernel_unsigned(recorded_text(step, "mode")).value_or(0);
  return {{"result", errno_name(change_mode(host_, recorded_text(step, "path"), static_cast<unsigned>(mode)))}};
}

json ScenarioRunner::sleep(const json& step) {
  pass(recorded_number(step, "duration_ms"));
  return json::object();
}

json ScenarioRunner::join(const json& step) {
  const auto found = waiting_.find(recorded_text(step, "id"));
  if (found == waiting_.end()) return {{"join", "unknown"}};
  const Waiting left = found->second;
  const auto error = wait_for(left.call, recorded_number(step, "limit_ms", kUsualLimitMs));
  if (!error) return {{"join", "still blocked"}};
  waiting_.erase(found);
  IoResult result{.error = *error, .count = left.count};
  const bool reading = left.kind == std::string_view("read");
  if (*error == 0 && reading) result = read_waited(host_, left.file, left.call);
  json out = of_count(left.kind, result);
  if (reading) out["data"] = result.data;
  if (reading && result.error != 0) out["n"] = 0;
  out["join"] = "done";
  return out;
}

json ScenarioRunner::signal(const json& step) {
  const auto found = waiting_.find(recorded_text(step, "id"));
  return {{"result", found == waiting_.end() ? "ESRCH" : "ok"}};
}

// ---- Modules -------------------------------------------------------------------------------------------------------

json ScenarioRunner::run_module(const json& step, std::pair<int, Tasks> prepared) {
  if (prepared.first != 0) return {{"result", errno_name(prepared.first)}};
  const CallStatus status = host_.model.call(std::move(prepared.second));
  if (status.done) return {{"result", errno_name(status.error)}};
  const auto error = wait_for(status.id, recorded_number(step, "limit_ms", kUsualLimitMs));
  if (!error) return leave(step, {status.id, {}, "write", 0});
  return {{"result", errno_name(*error)}};
}

json ScenarioRunner::insmod(const json& step) {
  return run_module(step, fakesys::insmod(host_, recorded_text(step, "module"), recorded_text(step, "params")));
}

json ScenarioRunner::rmmod(const json& step) {
  return run_module(step, host_.model.rmmod_tasks(recorded_text(step, "module")));
}

// ---- VFIO ----------------------------------------------------------------------------------------------------------

int ScenarioRunner::handle(const std::string& name) const {
  const auto found = handles_.find(name);
  return found == handles_.end() ? 0 : found->second;
}

json ScenarioRunner::vfio(const json& step) {
  std::vector<std::string> args;
  for (const auto& arg : step.value("args", json::array()))
    args.push_back(arg.is_string() ? arg.get<std::string>() : arg.dump());
  args.resize(std::max<std::size_t>(args.size(), 3));
  json more = json::object();
  int error = vfio_call(recorded_text(step, "call"), args, more);
  // A descriptor of another kind than the call is for.
  if (error == EBADF && handles_.contains(args[0])) error = ENOTTY;
  if (recorded_text(step, "call") == "setc" && error == EINVAL && !handles_.contains(args[1])) error = EBADF;
  more["result"] = errno_name(error);
  if (error != 0) more = {{"result", errno_name(error)}};
  if (error != 0 || !more.contains("ret")) more["ret"] = error == 0 ? 0 : -1;
  return more;
}

int ScenarioRunner::vfio_call(const std::string& call, const std::vector<std::string>& args, json& more) {
  Model& model = host_.model;
  const auto number = [](const std::string& text) { return static_cast<int>(decimal_prefix(text)); };
  int opened = 0;
  const auto name = [&](int error) {
    if (error == 0) handles_[args[0]] = opened;
    return error;
  };
  if (call == "container") return name(model.open_container(opened));
  if (call == "group") return name(model.open_group(number(args[1]), opened));
  if (call == "dev") {
    // Its name letter for letter; behind blanks the token of a virtual function may follow. Source:
    // drivers/vfio/pci/vfio_pci_core.c, vfio_pci_core_match()
    const auto blank = std::min(args[2].find(' '), args[2].size());
    if (args[2].find_first_not_of(' ', blank) != std::string::npos) return EINVAL;
    const Slot slot = model.find(std::string_view(args[2]).substr(0, blank));
    const auto address = slot == kNoSlot ? std::nullopt : std::optional(model.device(slot).function->address);
    return name(model.open_vfio_device(handle(args[1]), address, opened));
  }
  if (call == "setc") return model.set_container(handle(args[0]), handle(args[1]));
  if (call == "unsetc") return model.unset_container(handle(args[0]));
  if (call == "iommu") return model.set_iommu(handle(args[0]), number(args[1]));
  if (call == "api") return model.container(handle(args[0])) == nullptr ? EBADF : 0;
  if (call == "ext") {
    if (model.container(handle(args[0])) == nullptr) return EBADF;
    constexpr std::array kExtensions = {1, 3, 6, 9};  // both types, nesting, unmapping all
    constexpr int kUpdatesAddresses = 10;             // only of mappings, so not without an IOMMU to map in
    const Module* type1 = model.find_module("vfio_iommu_type1");
    const bool can = number(args[1]) == kUpdatesAddresses
                         ? model.container(handle(args[0]))->iommu_type != 0
                         : std::ranges::find(kExtensions, number(args[1])) != kExtensions.end();
    more["ret"] = can && type1 != nullptr && type1->loaded ? 1 : 0;
    return 0;
  }
  if (call == "close") {
    const int error = model.close_vfio(handle(args[0]));
    handles_.erase(args[0]);
    return error;
  }
  if (call == "status") {
    bool viable = false, container_set = false;
    const int error = model.group_status(handle(args[0]), viable, container_set);
    more = {{"viable", viable}, {"container_set", container_set}};
    return error;
  }
  if (call == "reset") return model.vfio_reset(handle(args[0]));
  if (call == "info") return info(args[0], more);
  if (call == "hotinfo") return hot_info(args[0], more);
  if (call == "hotreset") {
    std::vector<int> groups;
    for (const std::string& group : args | std::views::drop(1)) {
      if (!group.empty()) groups.push_back(handle(group));
    }
    return model.hot_reset(handle(args[0]), groups);
  }
  return ENOTTY;
}

int ScenarioRunner::info(const std::string& device, json& more) const {
  const VfioDeviceFile* file = host_.model.device_file(handle(device));
  if (file == nullptr) return EBADF;
  const Slot slot = host_.model.alive(file->device);
  const bool resets = slot != kNoSlot && host_.model.device(slot).reset_works;
  constexpr int kRegions = 9, kInterrupts = 5;
  constexpr int kIsPci = 2, kResets = 1;
  more = {{"flags", resets ? kIsPci | kResets : kIsPci},
          {"regions", kRegions},
          {"irqs", kInterrupts},
          {"reset_supported", resets}};
  return 0;
}

int ScenarioRunner::hot_info(const std::string& device, json& more) const {
  std::vector<Slot> affected;
  const int error = host_.model.hot_reset_info(handle(device), affected);
  more["devices"] = json::array();
  for (const Slot slot : affected) {
    const Device& found = host_.model.device(slot);
    more["devices"].push_back(fmt::format("group {} {}", found.group, to_string(found.function->address)));
  }
  return error;
}

// ---- Races ---------------------------------------------------------------------------------------------------------

std::vector<std::string> ScenarioRunner::watched() const {
  std::vector<std::string> names;
  for (const auto& name : scenario_.value("watch", json::array())) names.push_back(name.get<std::string>());
  return names;
}

json ScenarioRunner::race(const json& step) {
  Race what;
  const auto writes = [](const json& entries) {
    std::vector<RaceWrite> out;
    for (const auto& entry : entries) out.push_back({recorded_text(entry, "path"), data_of(entry), caller_of(entry)});
    return out;
  };
  what.racers = writes(step.value("racers", json::array()));
  what.clean_up = writes(step.value("clean_up", json::array()));
  what.rounds = static_cast<std::size_t>(std::max<std::int64_t>(1, recorded_number(step, "rounds", 1)));
  what.watched = watched();
  const RaceOutcomes outcomes = run_race(host_, what);
  json out = {{"outcomes", json::object()}, {"drivers_after", json::object()}};
  for (const std::string& outcome : outcomes.results) out["outcomes"][outcome] = 1;
  for (const std::string& drivers : outcomes.drivers_after) out["drivers_after"][drivers] = 1;
  return out;
}

// ---- The state -----------------------------------------------------------------------------------------------------

json ScenarioRunner::attribute(const std::string& path) {
  const auto file = open_file(host_, path, {.reading = true});
  if (file.error != 0) return "!" + errno_name(file.error);
  IoResult result = read_file(host_, file.value);
  if (const CallId call = result.waiting; call != 0) {
    pass(kStateReadMs);
    const auto error = host_.model.take_result(call);
    if (!error) return "!blocks";
    result = read_waited(host_, file.value, call);
  }
  return result.error != 0 ? "!" + errno_name(result.error) : result.data;
}

json ScenarioRunner::link_name(const std::string& path) const {
  const auto found = read_link(host_, path);
  if (found.error != 0) return nullptr;
  return found.value.substr(found.value.rfind('/') + 1);
}

json ScenarioRunner::device_state(const std::string& name) {
  const std::string path = "bus/pci/devices/" + name;
  if (stat_file(host_, path).error != 0) return nullptr;
  json state = {{"driver", link_name(path + "/driver")}};
  state["driver_override"] = attribute(path + "/driver_override");
  state["iommu_group"] = link_name(path + "/iommu_group");
  state["enable"] = attribute(path + "/enable");
  state["power_state"] = attribute(path + "/power_state");
  state["numa_node"] = attribute(path + "/numa_node");
  state["reset"] = stat_file(host_, path + "/reset").error == 0;
  if (stat_file(host_, path + "/sriov_numvfs").error == 0) state["sriov_numvfs"] = attribute(path + "/sriov_numvfs");
  for (int i = 0;; ++i) {
    const json virtfn = link_name(fmt::format("{}/virtfn{}", path, i));
    if (virtfn.is_null()) break;
    state["virtfns"].push_back(virtfn);
  }
  if (const json physfn = link_name(path + "/physfn"); !physfn.is_null()) state["physfn"] = physfn;
  const Slot slot = host_.model.find(*HostAddress::parse(name));
  state["net"] = slot == kNoSlot ? 0 : host_.model.device(slot).net.size();
  if (auto devs = list_directory(host_, path + "/vfio-dev"); devs.error == 0) state["vfio_dev"] = devs.value;
  return state;
}

std::vector<std::string> ScenarioRunner::devices_now() const { return list_directory(host_, "bus/pci/devices").value; }

json ScenarioRunner::state() {
  json out = {{"devices", json::object()}, {"groups", json::object()}};
  for (const std::string& name : watched()) {
    json device = device_state(name);
    if (device.is_object() && device["iommu_group"].is_string()) {
      const auto group = device["iommu_group"].get<std::string>();
      out["groups"][group] = list_directory(host_, "kernel/iommu_groups/" + group + "/devices").value;
    }
    out["devices"][name] = std::move(device);
  }
  out["dev_vfio"] = list_directory(host_, "/dev/vfio").value;
  const auto now = devices_now();
  std::vector<std::string> added, gone;
  std::ranges::set_difference(now, at_start_, std::back_inserter(added));
  std::ranges::set_difference(at_start_, now, std::back_inserter(gone));
  if (!added.empty()) out["pci_added"] = added;
  if (!gone.empty()) out["pci_gone"] = gone;
  return out;
}

std::vector<std::string> ScenarioRunner::uevents() {
  std::vector<std::string> out;
  for (const Uevent& event : host_.model.take_uevents()) out.push_back(to_string(event));
  return out;
}

}  // namespace busproof::fakesys
