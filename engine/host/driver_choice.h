#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/host/inventory.h"
#include "engine/host/trouble.h"

/// Which driver keeps a device from the host and gives it to a guest, and how that driver comes to be loaded.
namespace busproof::host {

enum class Backend : std::uint8_t { Qemu, Libxl, Generic };  ///< Generic: nobody but us

/// Which libvirt's rules hold where they differ: up to 5.6 there was KVM's own assignment, on pci-stub.
enum class Era : std::uint8_t { Current, Legacy };

/// What to make of a VFIO driver made for just this device.
enum class VariantPolicy : std::uint8_t {
  Best,     ///< take it; fail where it cannot be loaded
  Prefer,   ///< take it, or else vfio-pci
  Require,  ///< fail where there is none
  Never,
};

/// What the user asked for.
struct DriverWish {
  Backend backend = Backend::Generic;
  Era era = Era::Current;
  std::string name{};   ///< `<driver name='…'/>`: vfio, kvm, xen; empty: absent
  std::string model{};  ///< `<driver model='…'/>`, or a driver by its own name; empty: absent
  VariantPolicy variants = VariantPolicy::Best;
};

/// What a host can do about it.
struct DriverFacts {
  bool has_groups = false;             ///< an IOMMU keeps devices apart
  std::string modules_alias{};         ///< of the running kernel
  bool has_modules_alias = false;      ///< containers and kernels without modules have none
  std::vector<std::string> drivers{};  ///< loaded, sorted
};

/// What keeps a device for a guest, by what it is good for.
enum class StubKind : std::uint8_t {
  Vfio,   ///< a guest opens it through its group
  Plain,  ///< keeps the host away and nothing more
  Xen,
  Nothing,  ///< no driver at all
};

struct DriverChoice {
  std::string name;  ///< of the driver, or of the module that brings it: "vfio-pci", "mlx5_vfio_pci"
  StubKind kind{};
  std::string reason{};  ///< "best match of modules.alias"
  std::string module{};  ///< to be loaded, "vfio_pci"; empty: the driver is there
  std::vector<std::string> notes{};
};

/// One match of a device in modules.alias.
struct VariantMatch {
  std::string module;
  unsigned wildcards = 0;
  friend bool operator==(const VariantMatch&, const VariantMatch&) = default;
};

/// The lines "alias vfio_pci:v…d…sv…sd…bc…sc…i… module" that fit the device, the best first: the fewest fields that are
/// "*", and among equals the first of the file. A field with a "*" amid other text fits nothing. Errors: a modalias
/// that is none.
Checked<std::vector<VariantMatch>> vfio_variants(std::string_view modalias, std::string_view modules_alias);

/// The driver for a device. Errors: BackendUnsupported, BadDriverArgument, NotAVfioDriver where a variant is required
/// and there is none.
Checked<DriverChoice> choose_driver(const DriverFacts& facts, const DriverWish& wish, const HostDevice& device);

/// The kind of a driver that has a device. Nothing: a native one. A variant on kernels before 6.1 is known by its
/// alias.
std::optional<StubKind> stub_kind(const HostDevice& device, std::string_view modules_alias);

/// Whether a driver of that name has no ids of its own, or only such as are taken by override: probed without one, a
/// device goes to another.
bool takes_by_override(std::string_view driver);

/// The driver of that name as it calls itself: dashes and underscores are one where a module brings it. Loads the
/// module if there is no such driver. Errors: DriverNotFound, DriverProhibited, DriverRefused.
Checked<std::string> ensure_driver(Kernel& kernel, const std::string& name, const std::string& module);

/// What the host says of itself; reads modules.alias.
DriverFacts driver_facts(Kernel& kernel, const Inventory& inventory);

}  // namespace busproof::host
