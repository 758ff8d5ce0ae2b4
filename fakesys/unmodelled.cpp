#include "fakesys/unmodelled.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "fakesys/numbers.h"
#include "fakesys/sysfs.h"

namespace busproof::fakesys {
namespace {

/// At most one newline behind it, as sysfs_streq() compares.
std::string_view word_of(std::string_view data) {
  data = data.substr(0, data.find('\0'));
  if (data.ends_with('\n')) data.remove_suffix(1);
  return data;
}

std::string with_newline(std::string_view text) { return std::string(text) + '\n'; }

Kept keep_switch(std::string_view, std::string_view data) {
  const std::string_view word = word_of(data);
  if (word != "enabled" && word != "disabled") return {.error = EINVAL};
  return {.text = with_newline(word)};
}
/// A device that cannot wake the machine shows an empty line, and takes no word.
Kept keep_wakeup(std::string_view before, std::string_view data) {
  return before == "\n" ? Kept{.error = EINVAL} : keep_switch(before, data);
}
Kept keep_flag(std::string_view, std::string_view data) {
  const auto on = kernel_bool(data);
  return on ? Kept{.text = with_newline(*on ? "Y" : "N")} : Kept{.error = EINVAL};
}
/// The link stays as it is where it cannot do what is asked for, and nothing is said.
Kept keep_link_state(std::string_view before, std::string_view data) {
  return kernel_bool(data) ? Kept{.text = std::string(before)} : Kept{.error = EINVAL};
}
Kept keep_number(std::string_view, std::string_view data) {
  const auto number = kernel_unsigned(data);
  return number ? Kept{.text = with_newline(std::to_string(*number))} : Kept{.error = EINVAL};
}

struct WriteRule {
  std::string_view name;
  Kept (*keep)(std::string_view before, std::string_view data);
};
// Source: a Linux 6.1.192 in QEMU, asked with some thirty texts each (tests/lab).
constexpr std::array kWriteRules = {
    WriteRule{"async", keep_switch},           WriteRule{"disable_hugepages", keep_flag},
    WriteRule{"dma_entry_limit", keep_number}, WriteRule{"l0s_aspm", keep_link_state},
    WriteRule{"l1_1_aspm", keep_link_state},   WriteRule{"l1_2_aspm", keep_link_state},
    WriteRule{"l1_aspm", keep_link_state},     WriteRule{"nointxmask", keep_flag},
    WriteRule{"wakeup", keep_wakeup},
};

constexpr std::string_view kWindow = "resource";

std::size_t decoder_of(std::string_view name) { return static_cast<std::size_t>(name[kWindow.size()] - '0'); }

}  // namespace

Kept keep_written(const RecordedAttribute& attribute, std::string_view before, std::string_view data) {
  // What cannot be read as things are cannot be written either: autosuspend_delay_ms of a driver that does not use it.
  if (!attribute.error.empty()) return {.error = errno_of(attribute.error)};
  const auto* rule = std::ranges::find(kWriteRules, attribute.name, &WriteRule::name);
  if (rule != kWriteRules.end()) return rule->keep(before, data);
  std::string text(data);
  if (!text.ends_with('\n')) text += '\n';
  return {.text = std::move(text)};
}

bool is_window(const Node& directory, std::string_view name) {
  constexpr std::string_view kDecoders = "012345";
  return directory.place == Place::DeviceDir && name.starts_with(kWindow) && name.size() > kWindow.size() &&
         kDecoders.contains(name[kWindow.size()]);
}

WindowAccess access_window(const Host& host, const Node& directory, std::string_view name, std::uint64_t offset,
                           std::size_t count) {
  constexpr std::size_t kBarSize = 4;
  const Device& device = host.model.device(directory.device.slot);
  const std::size_t number = decoder_of(name);
  const bool of_ports = (device.config.byte(kFirstBar + kBarSize * number) & 1) != 0;
  const auto& decoders = device.function->decoders;
  if (number < decoders.size() && offset >= decoders[number].size) return {};
  if (!of_ports || number >= decoders.size()) return {.error = EIO};
  count = std::min<std::size_t>(count, decoders[number].size - offset);
  if (count != 1 && count != 2 && count != 4) return {.error = EINVAL};
  return {.count = count};
}

}  // namespace busproof::fakesys
