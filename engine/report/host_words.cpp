#include "engine/report/host_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <vector>

namespace busproof::report {
namespace {

struct KindWord {
  std::uint32_t kind;
  std::string_view word;
};
/// Source: PCI Code and ID Assignment Specification 1.11, base classes and sub classes.
constexpr std::array kKindWords = {
    KindWord{0x0100, "SCSI"},          KindWord{0x0101, "IDE"},        KindWord{0x0104, "RAID"},
    KindWord{0x0106, "SATA"},          KindWord{0x0107, "SAS"},        KindWord{0x0108, "NVMe"},
    KindWord{0x0180, "storage"},       KindWord{0x0200, "Ethernet"},   KindWord{0x0207, "InfiniBand"},
    KindWord{0x0280, "network"},       KindWord{0x0300, "VGA"},        KindWord{0x0302, "3D"},
    KindWord{0x0380, "display"},       KindWord{0x0401, "audio"},      KindWord{0x0403, "HD audio"},
    KindWord{0x0480, "multimedia"},    KindWord{0x0500, "RAM"},        KindWord{0x0580, "memory"},
    KindWord{0x0600, "host bridge"},   KindWord{0x0601, "ISA bridge"}, KindWord{0x0604, "PCI bridge"},
    KindWord{0x0607, "CardBus"},       KindWord{0x0680, "bridge"},     KindWord{0x0700, "serial"},
    KindWord{0x0780, "communication"}, KindWord{0x0880, "system"},     KindWord{0x0c03, "USB"},
    KindWord{0x0c05, "SMBus"},         KindWord{0x0d80, "wireless"},   KindWord{0x1000, "encryption"},
    KindWord{0x1080, "encryption"},    KindWord{0x1180, "signal"},     KindWord{0xffff, "other"},
    KindWord{0x1200, "accelerator"},
};

}  // namespace

std::string kind_word(std::uint32_t kind) {
  const auto* found = std::ranges::find(kKindWords, kind, &KindWord::kind);
  return found == kKindWords.end() ? fmt::format("{:04x}", kind) : std::string(found->word);
}

std::string driver_word(const host::HostDevice& device) {
  std::string word = device.driver.value_or("-");
  if (!device.override_to) return word;
  if (device.driver == device.override_to) return word + " (override)";
  return word + fmt::format(" (override {})", *device.override_to);
}

std::string notes_of(const host::HostDevice& device) {
  std::vector<std::string> notes;
  if (device.config.responding == host::Known::No) notes.emplace_back("does not respond");
  if (device.physical_function) notes.push_back("VF of " + to_string(*device.physical_function));
  if (device.virtual_functions_max)
    notes.push_back(fmt::format("{} of {} VFs", device.virtual_functions.size(), *device.virtual_functions_max));
  if (device.config.secondary) notes.push_back(fmt::format("bus {:02x}", *device.config.secondary));
  if (!device.interfaces.empty()) notes.push_back(fmt::format("{}", fmt::join(device.interfaces, ", ")));
  if (device.boot_vga) notes.emplace_back("boot VGA");
  std::vector<std::string> uses;
  for (const host::HostUse& use : device.uses) uses.push_back(use.what);
  if (!uses.empty()) notes.push_back(fmt::format("in use: {}", fmt::join(uses, ", ")));
  return fmt::format("{}", fmt::join(notes, "; "));
}

}  // namespace busproof::report
