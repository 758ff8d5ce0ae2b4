#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fakesys/model.h"

namespace busproof::fakesys {

/// The most that an attribute shows or takes at once, in bytes; and the size that stat(2) tells of one.
inline constexpr std::size_t kPage = 4096;

/// An attribute as a capture found it: its text, or the errno of reading it, or neither if it was not read.
struct RecordedAttribute {
  std::string name;
  unsigned mode = 0444;
  std::optional<std::string> text;
  std::string error;  ///< errno name, "EINVAL"
  std::size_t size = kPage;
  friend bool operator==(const RecordedAttribute&, const RecordedAttribute&) = default;
};

struct NamedDirectory;

/// What a capture found in one directory. Everything is sorted by name.
struct RecordedDirectory {
  std::vector<RecordedAttribute> attributes;
  std::vector<std::pair<std::string, std::string>> links;  ///< name, target
  std::vector<NamedDirectory> directories;
  std::vector<std::string> other_directories;  ///< names of those that were not looked into
  std::string net_directory;                   ///< where a device's interfaces are: "net", "virtio1/net"
  std::vector<NamedDirectory> interfaces;

  [[nodiscard]] const RecordedAttribute* attribute(std::string_view name) const;
  [[nodiscard]] const RecordedDirectory* directory(std::string_view name) const;
};
/// Whether a slot's directory is of a port's own making: firmware's slots have a latch, or no switch either.
bool is_slot_of_port(const RecordedDirectory& slot);
struct NamedDirectory {
  std::string first;
  RecordedDirectory second;
};
using RecordedPtr = std::shared_ptr<const RecordedDirectory>;

/// What does not change while a host runs.
struct HostFacts {
  std::string name;                                                     ///< of the machine: "q35-intel"
  std::string kernel;                                                   ///< release: "6.1.0-56-amd64"
  RecordedDirectory bus;                                                ///< bus/pci
  std::vector<std::pair<std::string, RecordedDirectory>> host_bridges;  ///< "pci0000:00"
  std::vector<std::pair<std::string, RecordedDirectory>> buses;         ///< class/pci_bus
  std::vector<std::pair<std::string, RecordedDirectory>> iommus;        ///< class/iommu
  std::vector<std::pair<int, RecordedDirectory>> groups;
  std::vector<std::pair<std::string, RecordedDirectory>> drivers;
  std::vector<std::pair<std::string, std::string>> files;      ///< outside /sys: path, content
  std::vector<std::pair<std::string, std::string>> links;      ///< of parts of /sys that are not PCI's: path, target
  std::vector<std::pair<std::string, std::string>> lab_names;  ///< address, name
  std::vector<std::pair<int, std::string>> node_cpus;  ///< NUMA node, its processors as the kernel lists them: "0-3,8"
  /// What interfaces are called that are not ethN: N, name. Whoever gets N anew is called so again.
  std::vector<std::pair<int, std::string>> interface_names;
};

/// A host: the kernel's side, and what only its files show.
struct Host {
  explicit Host(const KernelProfile& profile) : model(profile) {}

  Model model;
  std::shared_ptr<const HostFacts> facts = std::make_shared<HostFacts>();
  std::map<std::string, unsigned> modes;             ///< chmod: path of the file → mode
  std::map<std::string, std::string> written_texts;  ///< attributes that the model knows nothing of: path → text
  std::string resource_alignment;
  std::uint32_t boots = 1;  ///< how often it has been switched on: each boot has another boot id
};

/// Tells the model which root buses keep their slots: those that their firmware does not know as PCI Express. For
/// makers of hosts, once all buses and facts are there.
void note_host_bridges(Host& host);
/// As the kernel tells it: another one each time the host is switched on.
std::string boot_id(const Host& host);
/// The path of a device below /sys: "devices/pci0000:00/0000:00:03.0/0000:01:00.0".
std::string device_path(const Function& function);
/// "pci0000:00".
std::string host_bridge_name(const Function& function);
/// As the kernel says it to udev: "bind pci /devices/pci0000:00/0000:00:02.0 DRIVER=e1000e".
std::string to_string(const Uevent& event);

}  // namespace busproof::fakesys
