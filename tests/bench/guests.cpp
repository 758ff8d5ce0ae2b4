#include "tests/bench/guests.h"

#include <fmt/format.h>

namespace busproof::bench {
namespace {

std::string mac(std::int64_t number) { return fmt::format("52:54:00:00:{:02x}:{:02x}", number / 256, number % 256); }

std::string domain_of(const std::string& devices) {
  return fmt::format(
      "<domain type='qemu'>\n"
      "  <name>bench</name>\n"
      "  <memory unit='MiB'>512</memory>\n"
      "  <os>\n"
      "    <type arch='x86_64' machine='q35'>hvm</type>\n"
      "  </os>\n"
      "  <devices>\n"
      "{}"
      "  </devices>\n"
      "</domain>\n",
      devices);
}

/// A root port, and the disk, NIC or channel that it is there for; the port's index is its bus.
std::string server_device(std::int64_t index) {
  const std::string address =
      fmt::format("      <address type='pci' domain='0x0000' bus='{:#04x}' slot='0x00' function='0x0'/>\n", index);
  const std::string port = fmt::format(
      "    <controller type='pci' index='{0}' model='pcie-root-port'>\n"
      "      <model name='pcie-root-port'/>\n"
      "      <target chassis='{0}' port='{1:#x}'/>\n"
      "      <address type='pci' domain='0x0000' bus='0x00' slot='{2:#04x}' function='{3:#x}'{4}/>\n"
      "    </controller>\n",
      index, index + 7, 1 + (index - 1) / 8, (index - 1) % 8, (index - 1) % 8 == 0 ? " multifunction='on'" : "");
  const std::string device =
      index % 2 == 0 ? fmt::format(
                           "    <disk type='file' device='disk'>\n"
                           "      <driver name='qemu' type='qcow2' cache='none' io='native' discard='unmap'/>\n"
                           "      <source file='/var/lib/libvirt/images/server-{0:04}.qcow2' index='{0}'/>\n"
                           "      <backingStore/>\n"
                           "      <target dev='vd{1}{2}' bus='virtio'/>\n"
                           "      <serial>8f2c1a{0:06}</serial>\n",
                           index, static_cast<char>('a' + index / 26), static_cast<char>('a' + index % 26))
                     : fmt::format(
                           "    <interface type='bridge'>\n"
                           "      <mac address='{}'/>\n"
                           "      <source network='tenant-{}' bridge='br-int'/>\n"
                           "      <virtualport type='openvswitch'>\n"
                           "        <parameters interfaceid='0f6a2f4e-1f0d-4f0a-9d53-{:012x}'/>\n"
                           "      </virtualport>\n"
                           "      <target dev='tap{:08x}-00'/>\n"
                           "      <model type='virtio'/>\n"
                           "      <driver name='vhost' queues='4'/>\n"
                           "      <mtu size='1450'/>\n",
                           mac(index), index, index, index);
  return port + device + (index % 3 == 0 ? "" : address) + (index % 2 == 0 ? "    </disk>\n" : "    </interface>\n");
}

}  // namespace

std::string q35_with_nics(std::int64_t count) {
  std::string nics;
  for (std::int64_t i = 0; i < count; ++i)
    nics += fmt::format(
        "    <interface type='user'>\n"
        "      <mac address='{}'/>\n"
        "      <model type='virtio'/>\n"
        "    </interface>\n",
        mac(i));
  return domain_of(nics);
}

std::string q35_server(std::int64_t bytes) {
  std::string devices;
  for (std::int64_t index = 1; static_cast<std::int64_t>(devices.size()) < bytes; ++index)
    devices += server_device(index);
  return domain_of(devices);
}

}  // namespace busproof::bench
