#include "engine/host/virtual_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "engine/base/text.h"
#include "engine/host/guards.h"
#include "engine/host/journal.h"
#include "engine/host/locks.h"
#include "engine/host/sysfs_paths.h"

namespace busproof::host {
namespace {

constexpr std::string_view kCount = "sriov_numvfs", kAutoprobe = "sriov_drivers_autoprobe";
/// What is kept in the journals while a card's automatic probing is off: the boot in which it is, and on a line of its
/// own who switched it off. The address follows.
constexpr std::string_view kNote = "vfs-";

std::string note_of(const HostAddress& physical) { return std::string(kNote) + to_string(physical); }

Checked<void> kept(const host::Answer<void>& done, const HostAddress& physical) {
  if (done) return {};
  auto failed = journal_failed("cannot keep that its automatic probing is off", note_of(physical), done.error().error);
  failed.error().device = to_string(physical);
  return failed;
}

/// One row an errno of a write to sriov_numvfs: what it says there. Source: drivers/pci/pci-sysfs.c and iov.c.
struct Meaning {
  int error;
  std::string_view text;
};
constexpr std::array kMeanings = {
    Meaning{ENOENT, "its driver is not bound, or has no SR-IOV support"},
    Meaning{ERANGE, "the card cannot have that many"},
    Meaning{EBUSY, "it has some already: they must go first"},
    Meaning{EINVAL, "the kernel does not take the number"},
    Meaning{EPERM, "one of them is assigned to a guest"},
};

Trouble count_trouble(const HostAddress& address, Code code, std::string message, int error = 0) {
  return {.code = code,
          .device = to_string(address),
          .message = std::move(message),
          .path = paths::of_device(address, kCount),
          .error = error};
}

std::optional<Trouble> somebody_has_one(const Situation& situation, const HostDevice& physical) {
  for (const HostAddress& address : physical.virtual_functions) {
    const LedgerEntry* entry = current_entry(situation, address);
    const HostDevice* device = find(situation.inventory, address);
    if (situation.busy.contains(address))
      return count_trouble(physical.address, Code::BusyOperation,
                           "an operation on its virtual function " + to_string(address) + " has not come to its end");
    if (entry == nullptr) {
      if (device != nullptr && group_busy(situation, *device))
        return count_trouble(physical.address, Code::GroupBusy, to_string(address) + " is open");
      continue;
    }
    return count_trouble(physical.address, Code::InUse,
                         fmt::format("its virtual function {} is {}", to_string(address),
                                     entry->owner ? "with " + entry->owner->domain : "detached"));
  }
  return std::nullopt;
}

Checked<void> write_count(Kernel& kernel, const HostAddress& physical, unsigned count) {
  const auto written = kernel.write(paths::of_device(physical, kCount), std::to_string(count));
  if (written) return {};
  const int error = written.error().error;
  const auto* meaning = std::ranges::find(kMeanings, error, &Meaning::error);
  Trouble trouble = count_trouble(physical, written.error().pending ? Code::Timeout : Code::WriteFailed,
                                  fmt::format("cannot have {} virtual functions", count), error);
  if (meaning != kMeanings.end()) trouble.hints.emplace_back(meaning->text);
  return std::unexpected(std::move(trouble));
}

Trouble switch_trouble(const HostAddress& physical, Code code, std::string message, int error) {
  return {.code = code,
          .device = to_string(physical),
          .message = std::move(message),
          .path = paths::of_device(physical, kAutoprobe),
          .error = error,
          .hints = {"'busproof host recover' tries it once more"}};
}

/// What switches it off has not come back, and would do so after it has been switched on.
Checked<void> off_still_comes(const HostAddress& physical) {
  return std::unexpected(switch_trouble(physical, Code::Timeout,
                                        "the write to sriov_drivers_autoprobe has not come back (pending)", ETIMEDOUT));
}

/// Has them offered again, as read back, and forgets that they were not.
Checked<void> switch_on(const Machine& machine, const HostAddress& physical) {
  const std::string autoprobe = paths::of_device(physical, kAutoprobe);
  const auto is_on = [&] {
    const auto now = machine.kernel.read(autoprobe);
    return now ? *now == "1" : now.error().error == ENOENT;  // a card that has gone comes back with it on
  };
  if (!is_on()) {
    const auto written = machine.kernel.write(autoprobe, "1");
    if (!is_on())
      return std::unexpected(switch_trouble(physical, Code::WriteFailed,
                                            "sriov_drivers_autoprobe could not be set back to 1",
                                            written ? 0 : written.error().error));
  }
  return kept(machine.journals.remove(note_of(physical)), physical);
}

}  // namespace

Checked<VirtualFunctions> set_virtual_functions(const Machine& machine, const HostAddress& physical, unsigned count) {
  // The name of no device: held by whoever makes or removes any on this host.
  const auto alone = machine.journals.lock("topology");
  if (!alone) {
    return std::unexpected(count_trouble(physical, Code::BusyOperation,
                                         "another busproof is adding or removing devices", alone.error().error));
  }
  const auto locks = lock_devices(machine.journals, {physical});
  if (!locks) return std::unexpected(locks.error());
  const auto situation = survey(machine, {physical});
  if (!situation) return std::unexpected(situation.error());
  const auto found = find_target(*situation, physical);
  if (!found) return std::unexpected(found.error());
  const HostDevice& device = **found;
  if (!device.virtual_functions_max)
    return std::unexpected(count_trouble(physical, Code::NotAssignable, "it cannot have virtual functions"));
  if (const auto trouble = somebody_has_one(*situation, device)) return std::unexpected(*trouble);
  if (machine.journals.read(note_of(physical)))
    if (auto restored = restore_probing(machine, physical); !restored) return std::unexpected(restored.error());

  Kernel& kernel = machine.kernel;
  const auto now = static_cast<unsigned>(device.virtual_functions.size());
  VirtualFunctions result;
  if (now != count) {
    if (now != 0 && count != 0) {
      if (auto written = write_count(kernel, physical, 0); !written) return std::unexpected(written.error());
    }
    const std::string autoprobe = paths::of_device(physical, kAutoprobe);
    const auto before = kernel.read(autoprobe);
    const bool quiet = before && *before == "1" && count != 0;
    bool still_comes = false;
    if (quiet) {
      const auto noted =
          machine.journals.replace(note_of(physical), situation->inventory.boot_id + '\n' + kernel.worker());
      if (auto is_kept = kept(noted, physical); !is_kept) return std::unexpected(is_kept.error());
      const auto off = kernel.write(autoprobe, "0");  // if it fails: drivers that are offered them are no harm
      still_comes = !off && off.error().pending;
    }
    auto written = write_count(kernel, physical, count);
    if (quiet) {
      const auto restored = still_comes ? off_still_comes(physical) : switch_on(machine, physical);
      if (!restored) result.warnings.push_back(restored.error().message);
      if (!restored && !written) written.error().hints.push_back(to_string(restored.error()));
    }
    if (!written) return std::unexpected(written.error());
  }
  std::vector<std::string> unread;
  const auto after = look_at(kernel, physical, unread);
  if (!after) return std::unexpected(count_trouble(physical, Code::Vanished, "the card is gone", after.error().error));
  result.addresses = after->virtual_functions;
  result.count = static_cast<unsigned>(result.addresses.size());
  if (result.count != count) result.warnings.push_back(fmt::format("the driver made {} of {}", result.count, count));
  return result;
}

Checked<std::vector<HostAddress>> probing_left_off(Store& journals) {
  const auto names = journals.list();
  if (!names) return journal_failed("cannot read the journals", "", names.error().error);
  std::vector<HostAddress> cards;
  for (const std::string& name : *names) {
    if (!name.starts_with(kNote)) continue;
    if (const auto address = HostAddress::parse(std::string_view(name).substr(kNote.size()))) cards.push_back(*address);
  }
  return cards;
}

Checked<void> restore_probing(const Machine& machine, const HostAddress& physical) {
  const std::string noted = machine.journals.read(note_of(physical)).value_or(std::string());
  const std::size_t line = std::min(noted.find('\n'), noted.size());
  const std::string_view boot_id = std::string_view(noted).substr(0, line);
  const std::string_view worker = std::string_view(noted).substr(std::min(line + 1, noted.size()));
  const auto now = read_boot_id(machine.kernel);
  const bool same_boot = noted.empty() || !now || boot_id == *now;
  if (!same_boot) return kept(machine.journals.remove(note_of(physical)), physical);
  if (!worker.empty() && machine.kernel.at_work(worker)) return off_still_comes(physical);
  return switch_on(machine, physical);
}

}  // namespace busproof::host
