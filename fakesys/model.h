#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/pci/address.h"
#include "fakesys/config_space.h"
#include "fakesys/cow.h"
#include "fakesys/driver_rules.h"
#include "fakesys/machine.h"
#include "fakesys/profile.h"

namespace busproof::fakesys {

using pci::HostAddress;

using Slot = std::uint32_t;  ///< a device's place in the model's table
inline constexpr Slot kNoSlot = 0xffffffff;
/// What a rescan calls a bus, and all of them.
constexpr std::int64_t rescan_key(std::uint32_t segment, std::uint8_t bus) {
  return static_cast<std::int64_t>(segment) << 8 | bus;
}
inline constexpr std::int64_t kAllBuses = -1;
inline constexpr int kNone = -1;  ///< no driver, no group, no number

/// A device, and which of those that had its slot in turn.
struct DeviceRef {
  Slot slot = kNoSlot;
  std::uint32_t serial = 0;
  friend bool operator==(const DeviceRef&, const DeviceRef&) = default;
};

/// In the order in which the kernel tries them.
enum class ResetMethod : std::uint8_t { DeviceSpecific, Acpi, Flr, AfFlr, Pm, Bus };

/// A device as the kernel knows it.
struct Device {
  std::uint32_t serial = 0;
  FunctionPtr function;
  ConfigSpace config;
  int driver = kNone;         ///< the kernel's own pointer: set while the driver's remove is still running
  bool link_visible = false;  ///< the `driver` link is there
  std::uint32_t locked_by = 0;
  std::string override_text;  ///< driver_override; empty: unset
  int enable_count = 0;
  bool powered = false;  ///< somebody has enabled or reset it since it was found
  bool runtime_auto = false;
  int runtime_held = 0;
  int numa_node = kNone;
  int group = kNone;
  bool multifunction = false;
  bool added = false;         ///< drivers have been offered it
  bool removable = true;      ///< its `remove` is still there
  bool bound_before = false;  ///< a driver has had it since it was found
  bool found_later = false;   ///< by a rescan: it was not there at boot, or had gone
  bool wakeable = true;  ///< can wake the machine, if its kind can: the ports above have said so since it was found
  bool reset_present = false;
  std::vector<ResetMethod> reset_supported, reset_enabled;
  int vfio_index = kNone;  ///< N of vfio-dev/vfioN
  bool vfio_dev_visible = false;
  int opened = 0;  ///< descriptors that VFIO users have of it
  bool reset_works = false;
  unsigned num_vfs = 0;
  bool vfs_autoprobe = true;
  std::vector<HostAddress> virtfns;
  std::optional<HostAddress> physfn;
  bool broken_parity = false, no_msi = false, d3cold_allowed = true, rom_enabled = false;
  std::vector<int> net;  ///< N of its ethN
};

/// N of its virtfnN: which of the card's virtual functions is at the address, however many of them are there.
int number_of_vf(const Function& physical, const HostAddress& address);

struct Bus {
  std::uint32_t segment = 0;
  std::uint8_t number = 0;
  Slot bridge = kNoSlot;      ///< none: a root bus
  std::vector<Slot> devices;  ///< in the order they were found
  bool no_msi = false;
  bool firmware_keeps_slots = false;  ///< of a root bus: its firmware hands no hot-plug controller over
};

struct Driver {
  std::string name;
  std::string module;  ///< empty: built in
  DriverRule rule;
  std::vector<PciId> static_ids;
  std::vector<PciId> dynamic_ids;
  std::vector<DeviceRef> bound;  ///< in the order they were bound
};

enum class DomainType : std::uint8_t { Dma, DmaFq, Identity, Blocked };

struct Group {
  std::vector<Slot> members;
  DomainType type = DomainType::DmaFq;
  DomainType default_type = DomainType::DmaFq;
  int natives = 0;       ///< members on drivers that use the kernel's DMA
  int vfio_devices = 0;  ///< members on a VFIO driver: its node is there while there is one
  std::uint32_t vfio_serial = 0;
  int open_file = 0;  ///< the handle that has the node open
  int container = 0;
};

/// What a process has open under /dev/vfio. A handle's number is never used again.
struct VfioContainer {
  int handle = 0;
  int iommu_type = 0;   ///< none set yet: 0
  bool closed = false;  ///< its descriptor has gone, but groups are still in it
};
struct VfioGroupFile {
  int handle = 0;
  int group = kNone;
  std::uint32_t vfio_serial = 0;
  bool closed = false;  ///< its descriptor has gone, but devices got through it are still open
};
struct VfioDeviceFile {
  int handle = 0;
  DeviceRef device;
  int group_file = 0;
};

struct Module {
  std::string name;
  bool loaded = false;
  std::vector<std::string> drivers;  ///< what it registers when loaded
  std::vector<std::string> needs;
  std::string file_error{};  ///< why it cannot be loaded, an errno name; empty: it can
  bool prohibited = false;   ///< a blacklist or an install rule keeps modprobe from loading it
  std::shared_ptr<const RecordedDirectory> recorded;
};

/// A slot that firmware can cut the power of, or a port.
struct HotplugSlot {
  std::string name;
  std::uint32_t segment = 0;
  std::uint8_t bus = 0, device = 0;
  bool ejected = false;
  bool of_port = false;  ///< not firmware's: it is there as long as the port has its driver
  std::shared_ptr<const RecordedDirectory> recorded;
};

enum class UeventAction : std::uint8_t { Add, Remove, Change, Move, Online, Offline, Bind, Unbind };
inline constexpr std::array<std::string_view, 8> kUeventActionNames = {"add",    "remove",  "change", "move",
                                                                       "online", "offline", "bind",   "unbind"};
enum class UeventSubsystem : std::uint8_t { Pci, PciBus, Vfio, VfioDev };
struct Uevent {
  UeventAction action = UeventAction::Add;
  UeventSubsystem subsystem = UeventSubsystem::Pci;
  FunctionPtr function;  ///< the device, or the bridge above the bus
  int number = kNone;    ///< of the bus, the group or the vfioN
  std::string driver{};
};

/// What a call has left to do, one thing at a time: whatever can happen between two of them can happen to a real one.
enum class Step : std::uint8_t {
  Lock,  ///< takes the device's lock, or waits for it
  Unlock,
  LockRescan,  ///< the one lock of removal and rescan
  UnlockRescan,
  Look,         ///< keeps the device as it is now: a reader has the lock
  Sleep,        ///< until `number` milliseconds
  Fail,         ///< sets the call's errno to `number`
  SetOverride,  ///< to `text`
  Release,      ///< the device from `driver`, or from any if that is kNone
  AwaitUsers,   ///< until nobody has the device open
  FinishRelease,
  Bind,          ///< the device to `driver`; errors reach the caller
  Attach,        ///< the device to the first driver that takes it
  AttachDriver,  ///< `driver` to all devices that it matches, from place `number` of the list on
  AttachOne,     ///< the device to `driver`; errors do not reach the caller
  AddId,         ///< to `driver`: `id`
  DropDriver,
  FinishModule,  ///< `text` is gone
  Remove,        ///< the device and all behind it
  StopTree,
  Stopped,
  DestroyTree,
  Destroy,
  Rescan,      ///< the bus of key `number`, or all
  AddDevices,  ///< offers the new devices of bus `number` to drivers
  AddDevice,
  SetNumVfs,
  AddVf,  ///< number `number`
  EnabledVfs,
  RemoveVf,
  DisabledVfs,
  SetEnable,  ///< on if `number`
  Reset,
  ResetSubordinate,
  SetGroupType,  ///< of group `number` to `driver`
  SetRuntime,    ///< whether the device may sleep: if `number`
  Eject,         ///< cuts the power of slot `number`
};

struct Task {
  Step step;
  DeviceRef device{};
  int driver = kNone;
  std::int64_t number = 0;
  std::string text{};
  PciId id{};
};
using Tasks = std::vector<Task>;

using CallId = std::uint32_t;

struct Call {
  CallId id = 0;
  Tasks todo;  ///< the next one last
  int error = 0;
  bool internal = false;  ///< the kernel's own: nobody asks for its result
  bool held = false;      ///< runs only when stepped
};

/// What became of a call.
struct CallStatus {
  bool done = true;
  int error = 0;
  CallId id = 0;  ///< of one that is not done
};

/// The kernel's side of a host: devices, drivers, groups, modules, and what moves them. It knows no path and no text;
/// those are the attributes' business. Deterministic; time is virtual; a copy is a snapshot, calls under way included.
class Model {
 public:
  // ---- Building a host -------------------------------------------------------------------------------------------
  explicit Model(const KernelProfile& kernel) : profile(kernel) {}
  /// Plugs a function in. Nobody has found it yet.
  void plug(FunctionPtr function);
  void unplug(const HostAddress& address);
  void add_root_bus(std::uint32_t segment, std::uint8_t number);
  /// Firmware lets no driver have the hot-plug controllers below that root bus.
  void keep_slots(std::uint32_t segment, std::uint8_t number);
  /// Finds all that is plugged in, as at boot: groups are made afterwards, and no driver is offered anything.
  void boot_scan();
  /// Groups of what boot_scan() found, by the kernel's own rules.
  void make_groups();
  void make_group(Slot slot) { assign_group(slot); }
  void join_group(Slot slot, int number);
  int add_driver(Driver driver);
  /// Adds to the driver's own table.
  void know_id(int driver, const PciId& id) { edit_driver(driver).static_ids.push_back(id); }
  void add_module(Module module) { modules_.emplace_back(std::move(module)); }
  /// As if the module had never been loaded: its drivers have never been there. For hosts in the making.
  void unload_at_boot(std::string_view name);
  /// Binds as if it had been so for ever: no event, no effect on the enable count.
  void bind_at_boot(Slot slot, int driver);
  /// Makes the devices that are known exactly those, in that order; VFs among them are found, others forgotten.
  void arrange(std::span<const std::string> addresses);
  void set_type_at_boot(int group, DomainType type) { edit_group(group).type = type; }
  /// Gives the device the interface ethN.
  void name_interface(Slot slot, int number);
  void add_slot(HotplugSlot slot) { slots_.edit().push_back(std::move(slot)); }

  // ---- Looking ---------------------------------------------------------------------------------------------------
  [[nodiscard]] Slot find(const HostAddress& address) const;
  /// By its name, letter for letter.
  [[nodiscard]] Slot find(std::string_view name) const;
  [[nodiscard]] const Device& device(Slot slot) const { return *devices_[slot]; }
  [[nodiscard]] Device& edit(Slot slot) { return devices_[slot].edit(); }
  [[nodiscard]] DeviceRef ref(Slot slot) const { return {slot, devices_[slot]->serial}; }
  /// Nothing if the device has gone, whoever came after it.
  [[nodiscard]] Slot alive(const DeviceRef& ref) const;
  /// All devices in the order they were registered in; `addresses` in that of their addresses.
  [[nodiscard]] std::span<const Slot> in_order() const { return *order_; }
  [[nodiscard]] std::vector<Slot> by_address() const;
  [[nodiscard]] int find_driver(std::string_view name) const;
  [[nodiscard]] bool has_driver(int driver) const;
  [[nodiscard]] const Driver& driver(int driver) const { return *drivers_[static_cast<std::size_t>(driver)]; }
  [[nodiscard]] std::vector<int> drivers() const;
  [[nodiscard]] const Bus* find_bus(std::uint32_t segment, std::uint8_t number) const;
  [[nodiscard]] std::vector<const Bus*> buses() const;
  [[nodiscard]] const Bus* child_bus(Slot bridge) const;
  /// The bridge above; none for a device on a root bus.
  [[nodiscard]] Slot upstream(Slot slot) const;
  [[nodiscard]] const Bus& root_bus(Slot slot) const;
  [[nodiscard]] const Group* group(int number) const;
  [[nodiscard]] std::vector<int> groups() const;
  [[nodiscard]] const Module* find_module(std::string_view name) const;
  [[nodiscard]] std::vector<const Module*> modules() const;
  [[nodiscard]] const std::vector<HotplugSlot>& slots() const { return *slots_; }
  /// The functions that are plugged in, found or not, by address.
  [[nodiscard]] std::vector<FunctionPtr> plugged() const;
  [[nodiscard]] bool in_d3hot(const Device& device) const;
  [[nodiscard]] int runtime_usage(const Device& device) const;
  [[nodiscard]] bool viable(const Group& group) const;
  [[nodiscard]] bool matches(const Driver& driver, const Device& device) const;
  [[nodiscard]] bool locked(Slot slot) const { return devices_[slot]->locked_by != 0; }
  [[nodiscard]] bool dma_default_identity() const { return default_type == DomainType::Identity; }
  [[nodiscard]] bool slot_populated(const HotplugSlot& slot) const;
  /// Whether there is a directory for it.
  [[nodiscard]] bool slot_present(const HotplugSlot& slot) const;
  [[nodiscard]] bool flag(std::string_view module, std::string_view parameter) const;

  // ---- Calls -----------------------------------------------------------------------------------------------------
  /// Runs the tasks. What has to wait stays as a call of its own and goes on when it can.
  CallStatus call(Tasks tasks);
  /// The same without running anything: for a scheduler that steps it.
  CallId hold(Tasks tasks);
  /// One task of a held call. True when there is none left or it waits.
  bool step(CallId id);
  /// The errno of a call that was under way, once it is done; it is forgotten then.
  std::optional<int> take_result(CallId id);
  /// The device as the call saw it when it had the lock; nothing if it had gone by then. It is forgotten then.
  std::optional<Cow<Device>> take_look(CallId id);
  /// Puts the device back as it was seen.
  void show_as(const DeviceRef& device, Cow<Device> seen) { devices_[device.slot] = std::move(seen); }
  [[nodiscard]] bool under_way(CallId id) const;
  [[nodiscard]] bool any_under_way() const { return !calls_.empty(); }
  void advance(std::int64_t milliseconds);
  [[nodiscard]] std::int64_t now_ms() const { return now_ms_; }
  /// Earliest time at which a sleeping call wakes.
  [[nodiscard]] std::optional<std::int64_t> next_wake_ms() const;

  // What a call may be made of. A refusal is an errno; 0 stands for nothing to do.
  [[nodiscard]] Tasks unbind_tasks(Slot slot) const;
  [[nodiscard]] Tasks bind_tasks(Slot slot, int driver) const;
  [[nodiscard]] Tasks probe_tasks(Slot slot) const;
  [[nodiscard]] Tasks override_tasks(Slot slot, std::string text) const;
  [[nodiscard]] Tasks remove_tasks(Slot slot) const;
  [[nodiscard]] Tasks disable_vfs_tasks(Slot slot) const;
  [[nodiscard]] Tasks numvfs_tasks(Slot slot, unsigned count) const;
  [[nodiscard]] Tasks reset_tasks(Slot slot) const;
  /// Errors: EEXIST, EINVAL as of new_id.
  std::pair<int, Tasks> new_id_tasks(int driver, const PciId& id, int fields) const;
  /// Errors: ENODEV. Takes one entry off.
  int remove_id(int driver, const PciId& id);
  /// Errors: EEXIST, loaded already; ENOENT, unknown, or what it needs is not loaded.
  std::pair<int, Tasks> insmod_tasks(std::string_view name, std::span<const PciId> ids);
  /// Errors: ENOENT, not loaded; EAGAIN, in use.
  std::pair<int, Tasks> rmmod_tasks(std::string_view name) const;
  /// As they are worked out when a device is found.
  void default_reset_methods(Slot slot);
  int set_reset_methods(Slot slot, std::span<const ResetMethod> methods);
  [[nodiscard]] Tasks eject_tasks(std::size_t slot_index) const;
  /// Whether the device may sleep while nobody uses it.
  [[nodiscard]] Tasks runtime_tasks(Slot slot, bool automatic) const;
  /// A write of one config byte as hardware takes it, bus resets included.
  void write_config(Slot slot, std::size_t offset, std::span<const std::uint8_t> bytes);
  void emit(UeventAction action, Slot slot);
  void emit_of_bus(UeventAction action, std::uint32_t segment, std::uint8_t number);

  // ---- VFIO ------------------------------------------------------------------------------------------------------
  // Each gives an errno or, for opens, a handle through its last argument. What a call is about comes first: the handle
  // of a container, a group file or a device file.
  int open_container(int& handle);
  int open_group(int number, int& handle);
  int group_status(int handle, bool& viable, bool& container_set) const;
  int set_container(int handle, int container);
  int unset_container(int handle);
  int set_iommu(int handle, int type);
  int open_vfio_device(int handle, const std::optional<HostAddress>& address, int& device_handle);
  int vfio_reset(int handle);
  int hot_reset_info(int handle, std::vector<Slot>& affected) const;
  int hot_reset(int handle, std::span<const int> group_handles);
  int close_vfio(int handle);
  [[nodiscard]] const VfioDeviceFile* device_file(int handle) const;
  [[nodiscard]] const VfioGroupFile* group_file(int handle) const;
  [[nodiscard]] const VfioContainer* container(int handle) const;

  // ---- The world acts --------------------------------------------------------------------------------------------
  /// The function stops answering: all ones from its config.
  void kill(const HostAddress& address);
  /// Surprise removal: the card is gone, and the kernel takes note.
  void vanish(const HostAddress& address);
  /// Another card at the same address, found and offered to drivers.
  void swap(FunctionPtr newcomer);
  /// A driver's remove or probe that takes this long, or for ever (-1), from now on.
  void hang_remove(std::string_view driver, std::int64_t milliseconds);

  std::vector<Uevent> take_uevents() { return std::exchange(uevents_, {}); }

  KernelProfile profile;
  bool has_iommu = false;
  bool interrupt_remapping = true;
  bool autoprobe = true;
  std::set<HostAddress> seized;  ///< what pciback takes, wherever it is offered to it
  bool listening = false;        ///< uevents are kept for take_uevents()
  bool host_crashed = false;
  DomainType default_type = DomainType::DmaFq;
  std::vector<bool> online_nodes{true};
  bool vfio_enable_sriov = false, vfio_disable_idle_d3 = false, allow_unsafe_interrupts = false;

 private:
  enum class Progress : std::uint8_t { Done, Blocked };
  using StepFunction = Progress (Model::*)(Call&, Task&);
  static const StepFunction kSteps[];

  Progress lock(Call& call, Task& task);
  Progress unlock(Call& call, Task& task);
  Progress lock_rescan(Call& call, Task& task);
  Progress unlock_rescan(Call& call, Task& task);
  Progress look(Call& call, Task& task);
  Progress sleep(Call& call, Task& task);
  Progress fail(Call& call, Task& task);
  Progress set_override(Call& call, Task& task);
  Progress release(Call& call, Task& task);
  Progress await_users(Call& call, Task& task);
  Progress finish_release(Call& call, Task& task);
  Progress bind(Call& call, Task& task);
  Progress attach(Call& call, Task& task);
  Progress attach_driver(Call& call, Task& task);
  Progress attach_one(Call& call, Task& task);
  Progress add_id(Call& call, Task& task);
  Progress drop_driver(Call& call, Task& task);
  Progress finish_module(Call& call, Task& task);
  Progress remove(Call& call, Task& task);
  Progress stop_tree(Call& call, Task& task);
  Progress stopped(Call& call, Task& task);
  Progress destroy_tree(Call& call, Task& task);
  Progress destroy(Call& call, Task& task);
  Progress rescan(Call& call, Task& task);
  Progress add_devices(Call& call, Task& task);
  Progress add_device(Call& call, Task& task);
  Progress set_num_vfs(Call& call, Task& task);
  Progress add_vf(Call& call, Task& task);
  Progress enabled_vfs(Call& call, Task& task);
  Progress remove_vf(Call& call, Task& task);
  Progress disabled_vfs(Call& call, Task& task);
  Progress set_enable(Call& call, Task& task);
  Progress reset(Call& call, Task& task);
  Progress reset_subordinate(Call& call, Task& task);
  Progress set_group_type(Call& call, Task& task);
  Progress set_runtime(Call& call, Task& task);
  Progress eject_slot(Call& call, Task& task);

  void forget_driver(int driver);
  /// Puts tasks before all that the call has left.
  static void next(Call& call, Tasks tasks);
  Progress run_one(Call& call);
  bool run(Call& call);
  void settle();
  Call* find_call(CallId id);

  /// The outcome of a probe: 0; a positive errno, the driver's own; a negative one, that of what comes before the
  /// driver.
  int probe(Slot slot, int driver);
  int driver_probe(Slot slot, const Driver& driver);
  void take_over(Slot slot, int driver);
  void let_go(Slot slot);
  void enable_device(Slot slot);
  void wake(Slot slot);
  void disable_device(Slot slot);
  void power_up_for(Slot slot, const DriverRule& rule);
  /// What the driver says to a device that its table has, but that it does not take; 0: it takes it.
  [[nodiscard]] int refusal_of(const Driver& driver, Slot slot) const;
  [[nodiscard]] bool asks_for_token(Slot slot) const;
  void leave_container(int number);
  void forget_group_file(int handle);
  void vfio_bound(Slot slot);
  void vfio_released(Slot slot);
  void hide_vfio_dev(Slot slot);
  int claim_for_driver(Slot slot, const Driver& driver);
  [[nodiscard]] bool gate_open(const Device& device) const;

  Slot create_device(const FunctionPtr& function, const ConfigSpace& config);
  void forget_device(Slot slot);
  Bus& edit_bus(std::uint32_t segment, std::uint8_t number);
  Bus& add_bus(std::uint32_t segment, std::uint8_t number, Slot bridge);
  void remove_bus(std::uint32_t segment, std::uint8_t number);
  void scan(std::uint32_t segment, std::uint8_t number, bool at_boot);
  [[nodiscard]] std::string free_slot_name(std::string_view base) const;
  void name_slots(std::uint32_t segment, std::uint8_t bus, bool of_port);
  void rebuild_index();
  [[nodiscard]] const Bus& bus_of(const Device& device) const;

  [[nodiscard]] int find_group(Slot slot) const;
  [[nodiscard]] bool acs_enabled(Slot slot) const;
  [[nodiscard]] bool acs_path_enabled(Slot slot) const;
  void assign_group(Slot slot);
  void leave_group(Slot slot);

  void init_reset_methods(Slot slot);
  [[nodiscard]] bool supports(Slot slot, ResetMethod method) const;
  /// errno of a secondary bus reset, and how long it takes.
  [[nodiscard]] std::pair<int, std::int64_t> bus_reset(Slot bridge) const;
  std::pair<int, std::int64_t> reset_now(Slot slot);
  void hardware_reset_below(Slot bridge);
  void tell_driver_of_reset(Slot slot);
  void mark_wakeable(Slot port);
  void mark_wakeable_below(Slot bridge);

  Group& edit_group(int number) { return groups_[static_cast<std::size_t>(number)].edit(); }
  Driver& edit_driver(int driver) { return drivers_[static_cast<std::size_t>(driver)].edit(); }
  static int take_lowest(std::vector<bool>& used);
  void event(UeventAction action, UeventSubsystem subsystem, FunctionPtr function, int number = kNone,
             std::string driver = {});

  struct Plugged {
    FunctionPtr function;
    ConfigSpace config;
  };
  struct Place {
    HostAddress address;
    Slot slot;
  };
  Cow<std::vector<Plugged>> plugged_{std::vector<Plugged>{}};  // by address
  std::vector<Cow<Device>> devices_;
  Cow<std::vector<Slot>> order_{std::vector<Slot>{}};
  Cow<std::vector<Place>> index_{std::vector<Place>{}};  // by address
  std::vector<Cow<Bus>> buses_;                          // by segment and number
  std::vector<Cow<Driver>> drivers_;                     // as registered; one that has gone is empty
  std::vector<Cow<Group>> groups_;                       // by number; one that has gone is empty
  std::vector<Cow<Module>> modules_;
  Cow<std::vector<HotplugSlot>> slots_{std::vector<HotplugSlot>{}};
  std::vector<VfioContainer> containers_;
  std::vector<VfioGroupFile> group_files_;
  std::vector<VfioDeviceFile> device_files_;
  int next_handle_ = 1;
  std::uint32_t next_serial_ = 1;
  std::uint32_t next_vfio_serial_ = 1;
  std::vector<bool> vfio_indexes_, net_indexes_;
  std::vector<Call> calls_;  // under way, oldest first
  std::vector<std::pair<CallId, int>> results_;
  std::vector<std::pair<CallId, Cow<Device>>> looks_;
  CallId next_call_ = 1;
  CallId rescan_locked_by_ = 0;
  std::int64_t now_ms_ = 0;
  std::vector<Uevent> uevents_;
  std::vector<std::pair<std::string, std::int64_t>> hanging_removes_;
  std::vector<std::pair<std::string, std::vector<PciId>>> tables_;  // of drivers that have gone
};

std::string_view driver_name(const Model& model, const Device& device);

}  // namespace busproof::fakesys
