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
  Memory,  ///< in bytes, as all sizes
  MaxMemory,
  MemorySlots,
  Vcpus,
  VcpusOnline,
  GenerationId,
  SmbiosMode,
  Firmware,
  Loader,
  BootDevices,
  Features,
  Timers,
  Cpu,  ///< without `<numa>`
  Numa,
  Sysinfo,
  // Of devices of several kinds:
  RomBar,
  RomFile,
  RomEnabled,
  VirtioIommu,
  VirtioAts,
  VirtioPacked,
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
  Backend,
  BackendVersion,
  IommuDriver,
  GuestCid,
  AutoDeflate,
  FreePageReporting,
  Port,
};
inline constexpr std::size_t kDetailCount = 64;

/// "serial", "rom bar", … as reports call it.
std::string_view to_string(Detail detail);

/// Numbers are decimal, sizes in bytes, subtrees without white space and with sorted attributes and elements.
struct DetailValue {
  Detail detail;
  std::string value;
  friend auto operator<=>(const DetailValue&, const DetailValue&) = default;
};

}  // namespace busproof::domain
