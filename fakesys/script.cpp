#include "fakesys/script.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>

#include "fakesys/numbers.h"
#include "fakesys/recorded_host.h"

namespace busproof::fakesys {
namespace {

template <class T>
Done done_of(const host::Answer<T>& answer) {
  if (!answer) return {answer.error().error, answer.error().pending};
  return {};
}

Done text_of(const host::Answer<std::string>& answer) {
  Done done = done_of(answer);
  if (answer) done.text = *answer;
  return done;
}

Done do_read(FaultyKernel& kernel, const Operation& op) { return text_of(kernel.read(op.what)); }
Done do_write(FaultyKernel& kernel, const Operation& op) { return done_of(kernel.write(op.what, op.value)); }
Done do_readlink(FaultyKernel& kernel, const Operation& op) { return text_of(kernel.read_link(op.what)); }
Done do_modprobe(FaultyKernel& kernel, const Operation& op) { return done_of(kernel.load_module(op.what)); }
Done do_list(FaultyKernel& kernel, const Operation& op) {
  const auto names = kernel.list(op.what);
  Done done = done_of(names);
  if (names) done.text = fmt::format("{}", fmt::join(*names, " "));
  return done;
}
Done do_wait(FaultyKernel& kernel, const Operation& op) {
  kernel.wait(std::chrono::milliseconds(kernel_unsigned(op.what).value_or(0)));
  return {};
}
Done do_reboot(FaultyKernel& kernel, const Operation&) {
  kernel.kernel().host() = rebooted(kernel.kernel().host());
  return {};
}
/// What the world does to a device that is there.
template <auto kAct>
Done do_to_device(FaultyKernel& kernel, const Operation& op) {
  Model& model = kernel.kernel().host().model;
  const auto address = HostAddress::parse(op.what);
  if (!address || model.find(*address) == kNoSlot) return {.error = ENODEV};
  (model.*kAct)(*address);
  return {};
}

enum class Takes : std::uint8_t { Nothing, Path, PathAndValue, Name, Number, Address };

struct Verb {
  std::string_view name;
  Takes takes;
  Done (*run)(FaultyKernel&, const Operation&);
};
constexpr std::array kVerbs = {
    Verb{"kill", Takes::Address, do_to_device<&Model::kill>},
    Verb{"list", Takes::Path, do_list},
    Verb{"modprobe", Takes::Name, do_modprobe},
    Verb{"read", Takes::Path, do_read},
    Verb{"readlink", Takes::Path, do_readlink},
    Verb{"reboot", Takes::Nothing, do_reboot},
    Verb{"unplug", Takes::Address, do_to_device<&Model::vanish>},
    Verb{"wait", Takes::Number, do_wait},
    Verb{"write", Takes::PathAndValue, do_write},
};

Refusal malformed_script(std::string why) {
  std::array<std::string_view, kVerbs.size()> names{};
  std::ranges::transform(kVerbs, names.begin(), &Verb::name);
  return Refusal(Error{.kind = ErrorKind::Unreadable,
                       .rule = "",
                       .message = std::move(why),
                       .remedy = fmt::format("operations are {}", fmt::join(names, ", "))});
}

std::string_view take_word(std::string_view& line) {
  line = trimmed(line);
  const auto end = std::min(line.find_first_of(" \t"), line.size());
  const std::string_view word = line.substr(0, end);
  line = trimmed(line.substr(end));
  return word;
}

}  // namespace

Result<Operation> checked(Operation operation) {
  const auto* verb = std::ranges::find(kVerbs, operation.verb, &Verb::name);
  if (verb == kVerbs.end()) return malformed_script(fmt::format("there is no operation '{}'", operation.verb));
  if (verb->takes != Takes::Nothing && operation.what.empty())
    return malformed_script(fmt::format("{} lacks its argument", operation.verb));
  if (verb->takes == Takes::Nothing && !operation.what.empty())
    return malformed_script(fmt::format("{} takes no argument", operation.verb));
  if (verb->takes != Takes::PathAndValue && !operation.value.empty())
    return malformed_script(fmt::format("{} takes one argument", operation.verb));
  if (verb->takes == Takes::Number && !kernel_unsigned(operation.what))
    return malformed_script(fmt::format("'{}' is no number of milliseconds", operation.what));
  if (verb->takes == Takes::Address && !HostAddress::parse(operation.what))
    return malformed_script(fmt::format("'{}' is no PCI address", operation.what));
  return operation;
}

Result<Operation> parse_operation(std::string_view line) {
  Operation operation;
  operation.verb = take_word(line);
  operation.what = take_word(line);
  operation.value = line;
  if (line.starts_with('"')) {
    const auto quoted = nlohmann::json::parse(line, nullptr, false);
    if (!quoted.is_string()) return malformed_script(fmt::format("{} is no JSON string", line));
    operation.value = quoted.get<std::string>();
  }
  return checked(std::move(operation));
}

std::string to_text(const Operation& operation) {
  std::string out = operation.verb;
  if (!operation.what.empty()) out += ' ' + operation.what;
  if (operation.verb != "write") return out;
  const bool plain = !operation.value.empty() && trimmed(operation.value) == operation.value &&
                     operation.value.find_first_of("\n\"") == std::string::npos;
  constexpr auto kReplace = nlohmann::json::error_handler_t::replace;
  return out + ' ' + (plain ? operation.value : nlohmann::json(operation.value).dump(-1, ' ', true, kReplace));
}

Done run(FaultyKernel& kernel, const Operation& operation) {
  if (kernel.crashed()) return {.error = EINTR};
  const auto* verb = std::ranges::find(kVerbs, operation.verb, &Verb::name);
  return verb == kVerbs.end() ? Done{.error = ENOSYS} : verb->run(kernel, operation);
}

}  // namespace busproof::fakesys
