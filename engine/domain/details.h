#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// What guest or libvirt can tell of a domain or device besides its place, and of which the engine needs to know only
/// whether it is still the same.
namespace busproof::domain {

enum class Detail : std::uint8_t {
  // Of a domain:
  OsType,
  Memory,         ///< in bytes, as all sizes; NUMA cells and memory devices added up where there are cells
  CurrentMemory,  ///< where it is not all of it
  MemoryBacking,  ///< what the host takes the guest's memory from
  MaxMemory,
  MemorySlots,
  Vcpus,
  VcpusOnline,  ///< where it is not all of them: how many, else which ones in which order
  GenerationId,
  SmbiosMode,
  Firmware,
  Loader,
  BootDevices,
  Features,
  Timers,         ///< without what to do about lost ticks
  TimerPolicies,  ///< which is here
  Cpu,            ///< without `<numa>`
  Numa,
  Sysinfo,
  RedirFilter,  ///< which USB devices may be redirected
  // Of devices of several kinds:
  RomBar,
  RomFile,
  RomEnabled,
  VirtioIommu,
  VirtioAts,
  VirtioPacked,
  Driver,  ///< a virtio device has a `<driver>` that says something; libvirt takes note
  Queues,
  ReadOnly,
  // Of one kind:
  Serial,
  Wwn,
  RotationRate,
  QueueSize,
  Removable,
  Vendor,
  Product,
  LogicalBlockSize,
  PhysicalBlockSize,
  Mtu,
  RxQueueSize,
  TxQueueSize,
  Ram,
  VideoRam,
  VideoRam64,
  VgaMemory,
  Heads,
  Accel2d,
  Accel3d,
  Blob,
  Display,
  Ramfb,
  Vectors,
  PciHole64,
  Codecs,
  Role,
  Size,
  Server,
  Msi,
  Node,
  BlockSize,
  RequestedSize,
  LabelSize,
  Alignment,
  Persistent,
  DeviceUuid,
  Backend,
  BackendVersion,
  IommuDriver,
  GuestCid,
  AutoDeflate,
  FreePageReporting,
  Port,
  ForwardedAddress,
};
inline constexpr std::size_t kDetailCount = 73;

/// "serial", "rom bar", … as reports call it.
std::string_view to_string(Detail detail);

/// Numbers are decimal, sizes in bytes, subtrees without white space and with sorted attributes and elements.
struct DetailValue {
  Detail detail;
  std::string value;
  friend auto operator<=>(const DetailValue&, const DetailValue&) = default;
};

}  // namespace busproof::domain
