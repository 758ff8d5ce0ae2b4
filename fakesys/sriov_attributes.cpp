// Virtual functions: how many there are, and what the record of their physical function cannot tell.

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <ranges>

#include "fakesys/attribute_parts.h"
#include "fakesys/numbers.h"

namespace busproof::fakesys {
namespace {

bool has_vfs(const Host& h, const Node& n) { return device_of(h, n).function->sriov.has_value(); }
/// No pin, and no message in use.
bool has_no_irq(const Host& h, const Node& n) {
  constexpr std::size_t kInterruptPin = 0x3d;
  const Device& device = device_of(h, n);
  if (device.function->is_virtual) return true;
  const auto msi = device.config.capability(kMsi);
  return msi && (device.config.byte(*msi + 2) & 0x01) == 0 && device.config.byte(kInterruptPin) == 0;
}
bool is_vf(const Host& h, const Node& n) { return device_of(h, n).function->is_virtual; }
bool is_unbound_vf(const Host& h, const Node& n) { return is_vf(h, n) && device_of(h, n).driver == kNone; }

Text show_numvfs(const Host& h, const Node& n) { return line(std::to_string(device_of(h, n).num_vfs)); }
Text show_totalvfs(const Host& h, const Node& n) {
  return line(std::to_string(device_of(h, n).function->sriov->total));
}
Text show_offset(const Host& h, const Node& n) { return line(std::to_string(device_of(h, n).function->sriov->offset)); }
Text show_stride(const Host& h, const Node& n) { return line(std::to_string(device_of(h, n).function->sriov->stride)); }
Text show_vf_device(const Host& h, const Node& n) {
  return line(fmt::format("{:x}", device_of(h, n).function->sriov->vf_device));
}
Text show_vf_total_msix(const Host&, const Node&) { return line("0"); }
Effect store_numvfs(Host& h, const Node& n, const StoreCall& call) {
  constexpr std::uint64_t kMax = 65535;
  const auto number = kernel_unsigned(call.data);
  if (!number || *number > kMax) return refuse(EINVAL);
  if (*number > device_of(h, n).function->sriov->total) return refuse(ERANGE);
  return {0, h.model.numvfs_tasks(slot_of(n), static_cast<unsigned>(*number))};
}
Text show_vfs_autoprobe(const Host& h, const Node& n) { return flag_line(device_of(h, n).vfs_autoprobe); }
Effect store_vfs_autoprobe(Host& h, const Node& n, const StoreCall& call) {
  const auto on = kernel_bool(call.data);
  if (!on) return refuse(EINVAL);
  h.model.edit(slot_of(n)).vfs_autoprobe = *on;
  return done();
}

constexpr std::string_view kNoResource = "0x0000000000000000 0x0000000000000000 0x0000000000000000\n";
constexpr std::size_t kResourceCount = 13;
constexpr std::size_t kFirstVfResource = 7;

/// A VF's share of the window that its PF keeps for all of them.
Text show_vf_resource(const Host& h, const Node& n) {
  const Function& function = *device_of(h, n).function;
  const RecordedAttribute* whole = function.recorded ? function.recorded->attribute("resource") : nullptr;
  const Slot physical = function.physical ? h.model.find(*function.physical) : kNoSlot;
  std::string text;
  std::size_t index = 0;
  if (whole != nullptr && whole->text && physical != kNoSlot) {
    const Function& owner = *h.model.device(physical).function;
    const auto number = static_cast<std::uint64_t>(number_of_vf(owner, function.address));
    for (const auto part : std::views::split(*whole->text, '\n')) {
      std::string_view row(part.begin(), part.end());
      const std::size_t number_of_row = index++;
      if (number_of_row < kFirstVfResource || row.empty() || number_of_row >= kResourceCount) continue;
      const auto first = scan_hex(row), last = scan_hex(row), flags = scan_hex(row);
      if (!first || !last || !flags || *last == 0) {
        text += kNoResource;
        continue;
      }
      const std::uint64_t share = (*last - *first + 1) / owner.sriov->total;
      text += fmt::format("0x{:016x} 0x{:016x} 0x{:016x}\n", *first + number * share, *first + (number + 1) * share - 1,
                          *flags);
    }
  }
  while (text.size() < kResourceCount * kNoResource.size()) text += kNoResource;
  return {0, std::move(text)};
}
Text show_no_irq(const Host&, const Node&) { return line("0"); }
Text show_first_mask(const Host&, const Node&) { return line("32"); }
/// No driver here lets anybody share out messages. Source: drivers/pci/iov.c, sriov_vf_msix_count_store()
Effect store_msix_count(Host& h, const Node& n, const StoreCall& call) {
  const auto number = kernel_signed(call.data);
  if (!number || *number < 0 || *number > INT32_MAX) return refuse(EINVAL);
  const auto& physical = device_of(h, n).physfn;
  const Slot slot = physical ? h.model.find(*physical) : kNoSlot;
  if (slot == kNoSlot) return refuse(EOPNOTSUPP);
  const DeviceRef device = h.model.ref(slot);
  return {0,
          {{.step = Step::Lock, .device = device},
           {.step = Step::Fail, .number = EOPNOTSUPP},
           {.step = Step::Unlock, .device = device}}};
}

constexpr auto kSriovRows = [] {
  using enum Place;
  return std::array{
      AttributeRow{DeviceDir, "consistent_dma_mask_bits", 0444, is_unbound_vf, show_first_mask, nullptr, ReadLock::None,
                   false, true},
      AttributeRow{DeviceDir, "dma_mask_bits", 0444, is_unbound_vf, show_first_mask, nullptr, ReadLock::None, false,
                   true},
      AttributeRow{DeviceDir, "irq", 0444, has_no_irq, show_no_irq, nullptr, ReadLock::None, false, true},
      AttributeRow{DeviceDir, "resource", 0444, is_vf, show_vf_resource, nullptr, ReadLock::None, false, true},
      AttributeRow{DeviceDir, "sriov_drivers_autoprobe", 0644, has_vfs, show_vfs_autoprobe, store_vfs_autoprobe},
      AttributeRow{DeviceDir, "sriov_numvfs", 0644, has_vfs, show_numvfs, store_numvfs, ReadLock::NumVfs},
      AttributeRow{DeviceDir, "sriov_offset", 0444, has_vfs, show_offset, nullptr},
      AttributeRow{DeviceDir, "sriov_stride", 0444, has_vfs, show_stride, nullptr},
      AttributeRow{DeviceDir, "sriov_totalvfs", 0444, has_vfs, show_totalvfs, nullptr},
      AttributeRow{DeviceDir, "sriov_vf_device", 0444, has_vfs, show_vf_device, nullptr},
      AttributeRow{DeviceDir, "sriov_vf_msix_count", 0200, is_vf, nullptr, store_msix_count},
      AttributeRow{DeviceDir, "sriov_vf_total_msix", 0444, has_vfs, show_vf_total_msix, nullptr, ReadLock::NumVfs},
  };
}();

}  // namespace

std::span<const AttributeRow> sriov_rows() { return kSriovRows; }

}  // namespace busproof::fakesys
