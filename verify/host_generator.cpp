#include "verify/host_generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace busproof::verify {
namespace {

using fakesys::Access;
using fakesys::Fault;
using fakesys::FaultKind;
using pci::HostAddress;

// ---- Hosts -------------------------------------------------------------------------------------------------------

struct CardRow {
  std::uint32_t weight;
  std::string_view id, class_code, driver, words;
  bool express;
};
constexpr std::array kCards = {
    CardRow{8, "8086:10d3", "020000", "e1000e", "flr", true},
    CardRow{6, "10de:2204", "030000", "nouveau", "", true},
    CardRow{6, "10de:1aef", "040300", "snd_hda_intel", "", true},
    CardRow{6, "1cc1:8201", "010802", "nvme", "flr", true},
    CardRow{4, "8086:7ae0", "0c0330", "xhci_hcd", "pm", true},
    CardRow{4, "1af4:1041", "020000", "virtio-pci", "pm", true},
    CardRow{4, "15b3:101d", "020000", "mlx5_core", "flr", true},
    CardRow{3, "10ec:8139", "020000", "8139too", "pm conventional", false},
    CardRow{3, "1033:0035", "0c0310", "ohci-pci", "pm conventional", false},
    CardRow{2, "8086:15f3", "020000", "igc", "af", true},
    CardRow{2, "dead:beef", "ff0000", "", "", true},  // that nobody has a driver for
};

using TextRow = Weighted<std::string_view>;
constexpr std::array kKernels = {TextRow{2, "4.19"}, TextRow{2, "5.15"}, TextRow{3, "6.1"}, TextRow{3, "6.12"},
                                 TextRow{3, "6.18"}};
constexpr std::array kOverrides = {TextRow{3, "vfio-pci"}, TextRow{2, "pci-stub"}, TextRow{2, "none"},
                                   TextRow{1, "e1000e"}, TextRow{1, "some_driver"}};
constexpr std::array kModules = {
    TextRow{6, ""},
    TextRow{1, "module vfio_pci drivers=vfio-pci needs=vfio,vfio_iommu_type1,vfio_pci_core prohibited"},
    TextRow{1, "module vfio_pci drivers=vfio-pci needs=vfio,vfio_iommu_type1,vfio_pci_core available error=ENOEXEC"},
    TextRow{4, "module vfio_pci drivers=vfio-pci needs=vfio,vfio_iommu_type1,vfio_pci_core"},
};
constexpr std::array<std::uint32_t, 4> kSegments = {0, 1, 2, 0x10000};
constexpr unsigned kFunctionsMax = 12;
constexpr std::uint32_t kFirstGroup = 40, kGroupCount = 4;

/// Which buses a bridge can lead to.
enum class Behind : std::uint8_t { Root, Port, Switch, Conventional };

class HostBuilder {
 public:
  explicit HostBuilder(Dice& dice) : dice_(dice) {}

  std::vector<std::string> build() {
    std::string first = fmt::format("host random kernel={}", dice_.weighted(kKernels).what);
    if (dice_.percent(6)) first += " iommu=off";
    if (dice_.percent(8)) first += " nointremap";
    lines_.push_back(first);
    functions_left_ = 1 + dice_.below(kFunctionsMax);
    const std::size_t segments = dice_.percent(75) ? 1 : 1 + dice_.below(kSegments.size());
    for (std::size_t i = 0; i < segments && functions_left_ > 0; ++i) {
      segment_ = kSegments.at(i);
      next_bus_ = 1;
      fill(0, Behind::Root, 0);
    }
    add_modules();
    return std::move(lines_);
  }

 private:
  void fill(unsigned bus, Behind behind, unsigned depth) {
    const bool many = behind == Behind::Root || behind == Behind::Conventional || behind == Behind::Switch;
    const unsigned slots = many ? 1 + dice_.below(behind == Behind::Root ? 8 : 3) : 1;
    for (unsigned slot = 0; slot < slots && functions_left_ > 0; ++slot) {
      const bool bridge = behind == Behind::Switch || (depth < 3 && dice_.percent(behind == Behind::Root ? 45 : 20));
      if (bridge)
        add_bridge(bus, slot, behind, depth);
      else
        add_card(bus, slot, behind == Behind::Conventional);
    }
  }

  void add_bridge(unsigned bus, unsigned slot, Behind behind, unsigned depth) {
    constexpr unsigned kBusCount = 0x40;
    if (next_bus_ >= kBusCount) return;
    std::string_view port = "root";
    Behind below = Behind::Port;
    if (behind == Behind::Switch) {
      port = "down";
    } else if (behind == Behind::Conventional) {
      port = "pci";
      below = Behind::Conventional;
    } else if (behind == Behind::Port) {
      const bool is_switch = depth < 2 && dice_.percent(60);
      port = is_switch ? "up" : "to-pci";
      below = is_switch ? Behind::Switch : Behind::Conventional;
    }
    const unsigned secondary = next_bus_++;
    --functions_left_;
    std::string words = fmt::format("port={} bus={:02x}", port, secondary);
    if ((port == "root" || port == "down") && dice_.percent(60)) words += " acs";
    if (dice_.percent(90)) words += " driver=pcieport";
    add_line(bus, slot, 0, "8086:a110", "060400", words + group_words());
    fill(secondary, below, depth + 1);
  }

  void add_card(unsigned bus, unsigned slot, bool conventional) {
    const std::string group = group_words();
    const unsigned count =
        std::min(functions_left_, dice_.percent(70) ? 1U : 2U + static_cast<unsigned>(dice_.percent(40)));
    functions_left_ -= count;
    for (unsigned function = 0; function < count; ++function) {
      const CardRow& card =
          dice_.weighted(kCards, [&](const CardRow& row) { return row.express || conventional || bus == 0; });
      std::string words(card.words);
      if (conventional && !card.words.contains("conventional")) words += " conventional";
      if (function == 0 && count > 1) words += " multifunction";
      if (!card.driver.empty() && dice_.percent(85)) words += fmt::format(" driver={}", card.driver);
      if (card.driver == "mlx5_core" && !conventional)
        words += fmt::format(" vfs={} offset=8 vf=101e", 1 + dice_.below(4));
      if (dice_.percent(10)) words += fmt::format(" override={}", dice_.weighted(kOverrides).what);
      if (card.driver == "nouveau" && dice_.percent(15)) words += " boot-vga";
      add_line(bus, slot, function, card.id, card.class_code, words + group);
    }
  }

  /// All functions of a slot are in one group; some slots share theirs, whatever lies between them.
  std::string group_words() {
    return dice_.percent(25) ? fmt::format(" group={}", kFirstGroup + dice_.below(kGroupCount)) : "";
  }

  void add_line(unsigned bus, unsigned slot, unsigned function, std::string_view id, std::string_view class_code,
                std::string_view words) {
    lines_.push_back(
        fmt::format("{:04x}:{:02x}:{:02x}.{} {} {} {}", segment_, bus, slot, function, id, class_code, words));
  }

  void add_modules() {
    if (const auto text = dice_.weighted(kModules).what; !text.empty()) lines_.emplace_back(text);
    if (dice_.percent(25)) lines_.emplace_back("module xen_pciback drivers=pciback available");
    if (!dice_.percent(40)) return;
    lines_.emplace_back("module mlx5_vfio_pci drivers=mlx5_vfio_pci needs=vfio_pci_core,vfio available");
    lines_.emplace_back("alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci");
    lines_.emplace_back("alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_vfio_pci");
  }

  Dice& dice_;
  std::vector<std::string> lines_;
  unsigned functions_left_ = 0, next_bus_ = 1;
  std::uint32_t segment_ = 0;
};

// ---- Steps -------------------------------------------------------------------------------------------------------

constexpr std::array kHostVerbChances = {
    Weighted{22, HostVerb::Detach},
    Weighted{16, HostVerb::Reattach},
    Weighted{4, HostVerb::Reset},
    Weighted{20, HostVerb::Prepare},
    Weighted{14, HostVerb::Release},
    Weighted{6, HostVerb::Recover},
    Weighted{7, HostVerb::Commit},
    Weighted{3, HostVerb::Close},
    Weighted{2, HostVerb::Load},
    Weighted{2, HostVerb::Unload},
    Weighted{6, HostVerb::VirtualFunctions},
    Weighted{1, HostVerb::Swap},
    Weighted{10, HostVerb::World},
};

/// What a read may fail with that does not say that there is nothing to be read.
constexpr std::array kReadErrors = {EIO, EACCES, EPERM};
constexpr std::array kErrors = {Weighted{3, EIO},    Weighted{3, EACCES}, Weighted{3, EBUSY},
                                Weighted{3, ENODEV}, Weighted{2, EPERM},  Weighted{2, EINVAL},
                                Weighted{1, EROFS},  Weighted{1, ENOTTY}, Weighted{1, ENOENT}};

constexpr std::array kFaultKinds = {
    Weighted{8, FaultKind::Fail},      Weighted{4, FaultKind::FailAfterEffect},
    Weighted{4, FaultKind::Lie},       Weighted{4, FaultKind::Block},
    Weighted{2, FaultKind::PowerLoss}, Weighted{6, FaultKind::Rival},
    Weighted{3, FaultKind::Vanish},    Weighted{3, FaultKind::Swap},
    Weighted{2, FaultKind::Dead},
};

constexpr std::array<std::string_view, 3> kGuests = {"dom1", "dom2", "dom3"};
constexpr std::array<std::int64_t, 4> kBlocks = {-1, 50, 5'000, 70'000};

class StepMaker {
 public:
  StepMaker(Dice& dice, const HostSketch& sketch) : dice_(dice), sketch_(sketch) {
    if (sketch_.drivers.empty()) sketch_.drivers.emplace_back("e1000e");
    if (sketch_.modules.empty()) sketch_.modules.emplace_back("vfio_pci");
  }

  std::vector<HostStep> make() {
    std::vector<HostStep> steps;
    if (sketch_.endpoints.empty()) return steps;
    const std::uint32_t count = 2 + dice_.below(11);
    for (std::uint32_t i = 0; i < count; ++i) steps.push_back(step());
    return steps;
  }

 private:
  HostStep step() {
    HostStep made{.command = command(dice_
                                         .weighted(kHostVerbChances,
                                                   [&](const Weighted<HostVerb>& chance) {
                                                     return chance.what != HostVerb::VirtualFunctions ||
                                                            !sketch_.physical.empty();
                                                   })
                                         .what)};
    if (!is_operation(made.command.verb)) return made;
    made.rehearsed = dice_.percent(1) && request_of(made.command).has_value();
    if (made.command.verb != HostVerb::Recover && made.command.verb != HostVerb::VirtualFunctions &&
        dice_.percent(12)) {
      // Who comes between somebody else's steps is most often after the same devices.
      HostCommand other = command(dice_.percent(50) ? HostVerb::Prepare : operation_verb());
      if (dice_.percent(60) && !other.devices.empty() && !made.command.devices.empty())
        other.devices = made.command.devices;
      made.beside = std::move(other);
      for (std::uint32_t i = 1 + dice_.below(6); i > 0; --i) made.turns.push_back(1 + far(9));
    }
    while (faults_left_ > 0 && dice_.percent(22)) {
      made.faults.push_back(fault(made.command));
      --faults_left_;
    }
    if (!made.beside && dice_.percent(12)) {
      constexpr std::array<CrashPoint::When, 4> kCrashPoints = {CrashPoint::When::Before, CrashPoint::When::After,
                                                                CrashPoint::When::Torn, CrashPoint::When::Full};
      made.crash = {1 + far(10), dice_.one_of(kCrashPoints)};
    }
    return made;
  }

  HostVerb operation_verb() {
    constexpr std::array kOperations = {HostVerb::Detach, HostVerb::Reattach, HostVerb::Prepare, HostVerb::Release};
    return dice_.one_of(kOperations);
  }

  /// Small numbers as often as large ones, up to 2^bits.
  std::uint32_t far(std::uint32_t bits) { return dice_.below(1U << (1 + dice_.below(bits))); }

  HostCommand command(HostVerb verb) {
    HostCommand made{.verb = verb};
    switch (verb) {
      case HostVerb::Detach:
      case HostVerb::Prepare:
        made.devices = some_devices(verb == HostVerb::Detach ? detached_ : prepared_);
        if (verb == HostVerb::Prepare) made.name = dice_.one_of(kGuests);
        if (dice_.percent(12)) made.driver = dice_.percent(60) ? "pci-stub" : dice_.percent(50) ? "vfio-pci" : "none";
        made.group = policy();
        made.unmanaged = verb == HostVerb::Prepare && dice_.percent(20);
        made.force = dice_.percent(6);
        made.always_reset = verb == HostVerb::Prepare && dice_.percent(10);
        break;
      case HostVerb::Reattach:
        made.devices =
            dice_.percent(75) && !detached_.empty() ? std::vector{dice_.one_of(detached_)} : some_devices({});
        made.reprobe = dice_.percent(15);
        made.force = dice_.percent(5);
        break;
      case HostVerb::Reset:
        made.devices = some_devices(detached_);
        made.force = dice_.percent(20);
        made.always_reset = dice_.percent(20);
        break;
      case HostVerb::Release:
        made.name = dice_.one_of(kGuests);
        if (dice_.percent(25)) made.devices = some_devices(prepared_);
        made.always_reset = dice_.percent(10);
        break;
      case HostVerb::Commit:
      case HostVerb::Close:
        made.name = dice_.one_of(kGuests);
        break;
      case HostVerb::Load:
      case HostVerb::Unload:
        made.name = dice_.one_of(sketch_.modules);
        break;
      case HostVerb::VirtualFunctions: {
        const HostSketch::Physical& physical = dice_.one_of(sketch_.physical);
        made.devices = {physical.address};
        made.count = dice_.below(physical.total + 2);
        break;
      }
      case HostVerb::Swap:
        made.devices = {one_device()};
        break;
      case HostVerb::World:
        made.world = world();
        break;
      case HostVerb::Recover:
        break;
    }
    return made;
  }

  host::GroupPolicy policy() {
    if (dice_.percent(45)) return host::GroupPolicy::Strict;
    return dice_.percent(60)   ? host::GroupPolicy::Companions
           : dice_.percent(50) ? host::GroupPolicy::StubCompanions
                               : host::GroupPolicy::Ignore;
  }

  HostAddress one_device() {
    if (!sketch_.physical.empty() && dice_.percent(15)) {
      const HostSketch::Physical& physical = dice_.one_of(sketch_.physical);
      if (!physical.virtual_functions.empty()) return dice_.one_of(physical.virtual_functions);
    }
    if (!sketch_.bridges.empty() && dice_.percent(4)) return dice_.one_of(sketch_.bridges);
    return dice_.one_of(sketch_.endpoints);
  }

  /// One device, or a few; each is remembered in `taken`.
  std::vector<HostAddress> some_devices(std::vector<HostAddress>& taken) {
    std::vector<HostAddress> devices;
    for (std::uint32_t count = dice_.percent(70) ? 1 : 2 + dice_.below(2); count > 0; --count) {
      const HostAddress device = one_device();
      if (std::ranges::find(devices, device) != devices.end() && !dice_.percent(5)) continue;
      devices.push_back(device);
      taken.push_back(device);
    }
    return devices;
  }
  std::vector<HostAddress> some_devices(std::vector<HostAddress>&& taken) { return some_devices(taken); }

  std::string path_of(const HostAddress& device, std::string_view name) {
    return fmt::format("bus/pci/devices/{}/{}", to_string(device), name);
  }

  /// A write that another program makes.
  std::pair<std::string, std::string> meddling(const HostAddress& device) {
    constexpr std::array<std::string_view, 4> kTexts = {"\n", "vfio-pci", "pci-stub", "none"};
    switch (dice_.below(6)) {
      case 0:
      case 1:
        return {path_of(device, "driver_override"), std::string(dice_.one_of(kTexts))};
      case 2:
        return {path_of(device, "driver/unbind"), to_string(device)};
      case 3:
        return {"bus/pci/drivers_probe", to_string(device)};
      case 4:
        return {fmt::format("bus/pci/drivers/{}/bind", dice_.one_of(sketch_.drivers)), to_string(device)};
      default:
        return {fmt::format("bus/pci/drivers/{}/unbind", dice_.one_of(sketch_.drivers)), to_string(device)};
    }
  }

  fakesys::Operation world() {
    const HostAddress device = one_device();
    const std::uint32_t choice = dice_.below(20);
    if (choice == 0) return {"reboot", "", ""};
    if (choice == 1) return {"unplug", to_string(device), ""};
    if (choice == 2) return {"kill", to_string(device), ""};
    if (choice == 3) return {"write", path_of(device, "remove"), "1"};
    if (choice <= 5) return {"write", "bus/pci/rescan", "1"};
    if (choice == 6) return {"wait", "61000", ""};
    auto [path, value] = meddling(device);
    return {"write", path, value};
  }

  Fault fault(const HostCommand& command) {
    const HostAddress device =
        !command.devices.empty() && dice_.percent(75) ? dice_.one_of(command.devices) : one_device();
    Fault made{.kind = dice_.weighted(kFaultKinds).what};
    made.error = dice_.weighted(kErrors).what;
    const bool writes_only = made.kind == FaultKind::FailAfterEffect || made.kind == FaultKind::Lie ||
                             made.kind == FaultKind::Block || made.kind == FaultKind::Rival;
    if (writes_only || dice_.percent(45)) {
      made.access = Access::Write;
      made.nth = 1 + dice_.below(6);
    } else if (dice_.percent(50)) {
      made.pattern = fmt::format("*{}*", to_string(device));
      made.nth = 1 + far(6);
    } else {
      made.nth = 1 + far(10);
    }
    if (made.access != Access::Write) made.error = dice_.one_of(kReadErrors);
    if (made.kind != FaultKind::Fail && made.kind != FaultKind::FailAfterEffect) made.error = 0;
    if (made.kind == FaultKind::Block) made.after_ms = dice_.one_of(kBlocks);
    if (made.kind == FaultKind::Rival) std::tie(made.path, made.value) = meddling(device);
    if (made.kind == FaultKind::Vanish || made.kind == FaultKind::Swap || made.kind == FaultKind::Dead)
      made.device = to_string(device);
    return made;
  }

  Dice& dice_;
  HostSketch sketch_;
  std::vector<HostAddress> detached_, prepared_;
  unsigned faults_left_ = 2;
};

}  // namespace

std::vector<std::string> random_host(Dice& dice) { return HostBuilder(dice).build(); }

HostSketch sketch_of(const fakesys::Host& host) {
  HostSketch sketch;
  for (const fakesys::Slot slot : host.model.by_address()) {
    const fakesys::Function& function = *host.model.device(slot).function;
    if (function.is_virtual) continue;
    (function.secondary ? sketch.bridges : sketch.endpoints).push_back(function.address);
    if (!function.sriov || function.sriov->total == 0) continue;
    HostSketch::Physical physical{function.address, function.sriov->total, {}};
    const unsigned first = function.address.bus() * 256U + function.address.slot() * 8U + function.address.function();
    for (unsigned i = 0; i < std::min(physical.total, 8U); ++i) {
      const unsigned place = first + function.sriov->offset + function.sriov->stride * i;
      const auto address = HostAddress::make(function.address.segment(), static_cast<std::uint8_t>(place / 256),
                                             place / 8 % 32, place % 8);
      if (address) physical.virtual_functions.push_back(*address);
    }
    sketch.physical.push_back(std::move(physical));
  }
  for (const int id : host.model.drivers()) sketch.drivers.push_back(host.model.driver(id).name);
  for (const fakesys::Module* module : host.model.modules()) sketch.modules.push_back(module->name);
  return sketch;
}

std::vector<HostStep> random_steps(Dice& dice, const HostSketch& sketch) { return StepMaker(dice, sketch).make(); }

}  // namespace busproof::verify
