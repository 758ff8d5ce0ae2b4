#include "fakesys/faulty_kernel.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ranges>

#include "engine/base/text.h"
#include "fakesys/recorded_host.h"
#include "fakesys/replay.h"
#include "fakesys/sysfs.h"

namespace busproof::fakesys {
namespace {

constexpr std::array kAccessNames = {"any", "read", "write", "list", "link", "load"};
constexpr std::array kKindNames = {"fail",        "fail-after-effect", "lie",   "block",  "crash-before",
                                   "crash-after", "power-loss",        "rival", "vanish", "swap",
                                   "dead"};

Refusal no_fault(std::string_view line, std::string_view why) {
  return Refusal(Error{ErrorKind::Unreadable, "fault", fmt::format("\"{}\" is no fault: {}", line, why)});
}

template <class Enum, std::size_t N>
std::optional<Enum> kind_named(const std::array<const char*, N>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

/// A text with what would end a line or a word written as an escape.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == ' ') {
      out += "\\s";
    } else if (c == '\\') {
      out += "\\\\";
    } else {
      out += c;
    }
  }
  return out;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    out += c == 'n' ? '\n' : c == 's' ? ' ' : c;
  }
  return out;
}

}  // namespace

std::string to_text(const Fault& fault) {
  std::string text = fmt::format("{} {} #{} {}", kAccessNames[static_cast<std::size_t>(fault.access)],
                                 escaped(fault.pattern), fault.nth, kKindNames[static_cast<std::size_t>(fault.kind)]);
  switch (fault.kind) {
    case FaultKind::Fail:
    case FaultKind::FailAfterEffect:
      return text + ' ' + errno_name(fault.error);
    case FaultKind::Block:
      return text + (fault.after_ms < 0 ? " forever" : fmt::format(" {}ms", fault.after_ms));
    case FaultKind::Rival:
      return fmt::format("{} {} {}", text, escaped(fault.path), escaped(fault.value));
    case FaultKind::Vanish:
    case FaultKind::Swap:
    case FaultKind::Dead:
      return text + ' ' + fault.device;
    default:
      return text;
  }
}

Result<Fault> parse_fault(std::string_view line) {
  const auto words = words_of(line);
  constexpr std::size_t kFixedWords = 4;
  if (words.size() < kFixedWords) return no_fault(line, "it needs an access, a path pattern, #N and what happens");
  const auto access = kind_named<Access>(kAccessNames, words[0]);
  const auto kind = kind_named<FaultKind>(kKindNames, words[3]);
  const std::string_view count = words[2];
  const auto nth = unsigned_32(count.substr(std::min<std::size_t>(1, count.size())), Radix::Decimal).value_or(0);
  if (!access) return no_fault(line, "unknown access " + words[0]);
  if (!kind) return no_fault(line, "unknown fault " + words[3]);
  if (!count.starts_with('#') || nth == 0) return no_fault(line, "the third word is not #1, #2, …");
  Fault fault{.access = *access, .pattern = unescaped(words[1]), .nth = nth, .kind = *kind};
  const auto word = [&](std::size_t index) { return index < words.size() ? words[index] : std::string(); };
  switch (*kind) {
    case FaultKind::Fail:
    case FaultKind::FailAfterEffect:
      fault.error = errno_of(word(kFixedWords));
      if (fault.error == 0) return no_fault(line, "no errno " + word(kFixedWords));
      break;
    case FaultKind::Block: {
      std::string_view time = words.size() > kFixedWords ? words[kFixedWords] : std::string_view("forever");
      if (time == "forever") break;
      if (time.ends_with("ms")) time.remove_suffix(2);
      const auto number = unsigned_32(time, Radix::Decimal);
      if (!number) return no_fault(line, "no time");
      fault.after_ms = *number;
      break;
    }
    case FaultKind::Rival:
      fault.path = unescaped(word(kFixedWords));
      fault.value = unescaped(word(kFixedWords + 1));
      if (fault.path.empty()) return no_fault(line, "what does the rival write?");
      break;
    case FaultKind::Vanish:
    case FaultKind::Swap:
    case FaultKind::Dead:
      fault.device = word(kFixedWords);
      if (!HostAddress::parse(fault.device)) return no_fault(line, "no device " + fault.device);
      break;
    default:
      break;
  }
  return fault;
}

std::string to_text(const AccessRecord& record) {
  return fmt::format("{} {}{}{} -> {}", kAccessNames[static_cast<std::size_t>(record.access)], record.path,
                     record.value.empty() ? "" : " ", escaped(record.value), errno_name(record.error));
}

const Fault* FaultyKernel::hit(Access access, std::string_view path) {
  const Fault* met = nullptr;
  for (std::size_t i = 0; i < script_.size(); ++i) {
    const Fault& fault = script_[i];
    if (fault.access != Access::Any && fault.access != access) continue;
    if (!glob_matches(fault.pattern, path)) continue;
    if (++hits_[i] == fault.nth && met == nullptr) met = &fault;
  }
  return met;
}

/// What happens before the access does.
void FaultyKernel::prepare(const Fault& fault) {
  Model& model = kernel_.host().model;
  const auto address = HostAddress::parse(fault.device);
  switch (fault.kind) {
    case FaultKind::Rival:
      static_cast<void>(kernel_.write(fault.path, fault.value));  // whether the rival succeeds is its own affair
      break;
    case FaultKind::Vanish:
      if (address) model.vanish(*address);
      break;
    case FaultKind::Dead:
      if (address) model.kill(*address);
      break;
    case FaultKind::Swap: {
      const Slot slot = address ? model.find(*address) : kNoSlot;
      if (slot == kNoSlot) break;
      Function newcomer = *model.device(slot).function;
      if (newcomer_) {
        newcomer = newcomer_(newcomer);
      } else {
        newcomer.identity.device = static_cast<std::uint16_t>(newcomer.identity.device ^ 1);
      }
      model.swap(std::make_shared<const Function>(std::move(newcomer)));
      break;
    }
    case FaultKind::CrashBefore:
      crashed_ = true;
      break;
    case FaultKind::PowerLoss:
      crashed_ = true;
      lost_power_ = true;
      stuck_ = false;
      late_.clear();
      kernel_.host() = rebooted(kernel_.host());
      break;
    default:
      break;
  }
}

void FaultyKernel::note(Access access, std::string_view path, std::string_view value, int error) {
  accesses_.push_back({access, std::string(path), std::string(value), error});
}

template <class T, class Run>
host::Answer<T> FaultyKernel::meet(Access access, std::string_view path, std::string_view value, Run run) {
  do_late();
  if (crashed_) return std::unexpected(host::Failure{EINTR});
  const Fault* fault = hit(access, path);
  if (fault != nullptr) prepare(*fault);
  if (crashed_) return std::unexpected(host::Failure{EINTR});
  const FaultKind kind = fault == nullptr ? FaultKind::Rival : fault->kind;
  host::Answer<T> answer = std::unexpected(host::Failure{});
  if (kind == FaultKind::Fail) {
    answer = std::unexpected(host::Failure{fault->error});
  } else if (kind == FaultKind::Block) {
    stuck_ = stuck_ || fault->after_ms < 0;
    if (fault->after_ms >= 0 && access == Access::Write) {
      late_.push_back({kernel_.now().count() + fault->after_ms, std::string(path), std::string(value)});
    }
    answer = std::unexpected(host::Failure{ETIMEDOUT, true});
  } else if (kind == FaultKind::Lie && access != Access::Read) {
    answer = host::Answer<T>();
  } else {
    answer = run();
    if (kind == FaultKind::FailAfterEffect) answer = std::unexpected(host::Failure{fault->error});
  }
  note(access, path, value, answer ? 0 : answer.error().error);
  if (kind == FaultKind::CrashAfter) {
    crashed_ = true;
    return std::unexpected(host::Failure{EINTR});
  }
  return answer;
}

void FaultyKernel::do_late() {
  const std::int64_t now_ms = kernel_.now().count();
  std::vector<Late> due;
  std::ranges::copy_if(late_, std::back_inserter(due), [&](const Late& late) { return late.due_ms <= now_ms; });
  std::erase_if(late_, [&](const Late& late) { return late.due_ms <= now_ms; });
  for (const Late& late : due) static_cast<void>(kernel_.write(late.path, late.value));  // nobody is left to be told
}

host::Answer<std::string> FaultyKernel::read(std::string_view path) {
  return meet<std::string>(Access::Read, path, {}, [&] { return kernel_.read(path); });
}
host::Answer<std::string> FaultyKernel::read_bytes(std::string_view path, std::uint64_t offset, std::size_t count) {
  return meet<std::string>(Access::Read, path, {}, [&] { return kernel_.read_bytes(path, offset, count); });
}
host::Answer<void> FaultyKernel::write(std::string_view path, std::string_view value) {
  return meet<void>(Access::Write, path, value, [&] { return kernel_.write(path, value); });
}
host::Answer<std::vector<std::string>> FaultyKernel::list(std::string_view path) {
  return meet<std::vector<std::string>>(Access::List, path, {}, [&] { return kernel_.list(path); });
}
host::Answer<std::string> FaultyKernel::read_link(std::string_view path) {
  return meet<std::string>(Access::Link, path, {}, [&] { return kernel_.read_link(path); });
}
host::Answer<void> FaultyKernel::load_module(std::string_view name) {
  return meet<void>(Access::LoadModule, name, {}, [&] { return kernel_.load_module(name); });
}
bool FaultyKernel::at_work(std::string_view worker) {
  do_late();
  return kernel_.at_work(worker) || (worker == kernel_.worker() && (stuck_ || !late_.empty()));
}
void FaultyKernel::wait(std::chrono::milliseconds duration) {
  if (crashed_) return;
  kernel_.wait(duration);
  do_late();
}

}  // namespace busproof::fakesys
