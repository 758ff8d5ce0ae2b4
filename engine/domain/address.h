#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/pci/address.h"

/// What the first `<address>` child of a device says, one type per `type='…'`. The numbers are read by libvirt's rules
/// (C literals: 010 is 8), checked for syntax and range where libvirt checks them while parsing.
namespace busproof::domain {

/// An on/off attribute; Absent is not off: libvirt writes multifunction='on' over Absent only.
enum class Switch : std::uint8_t { Absent, On, Off };

/// No `<address>` element at all.
struct NoAddress {
  friend bool operator==(const NoAddress&, const NoAddress&) = default;
};

/// `<zpci uid='…' fid='…'/>` below a pci address (s390x only).
struct ZpciIds {
  std::optional<std::uint32_t> uid;  ///< 1–65535
  std::optional<std::uint32_t> fid;
  friend bool operator==(const ZpciIds&, const ZpciIds&) = default;
};

/// `<address type='pci' …/>`. `at` is empty when domain, bus and slot are all 0: "choose one for me"; what the element
/// then says of function and multifunction is dropped by the reader, as libvirt drops it.
struct PciAddress {
  std::optional<pci::GuestAddress> at;
  Switch multifunction = Switch::Absent;
  ZpciIds zpci{};
  friend bool operator==(const PciAddress&, const PciAddress&) = default;
};

struct DriveAddress {
  std::uint32_t controller = 0, bus = 0, target = 0, unit = 0;
  friend bool operator==(const DriveAddress&, const DriveAddress&) = default;
};

struct VirtioSerialAddress {
  std::uint32_t controller = 0, bus = 0, port = 0;
  friend bool operator==(const VirtioSerialAddress&, const VirtioSerialAddress&) = default;
};

struct CcidAddress {
  std::uint32_t controller = 0, slot = 0;
  friend bool operator==(const CcidAddress&, const CcidAddress&) = default;
};

/// `port='1.2.3'`, at most four levels; empty when the XML left the port to libvirt.
struct UsbAddress {
  std::uint32_t bus = 0;
  std::vector<std::uint32_t> port;
  friend bool operator==(const UsbAddress&, const UsbAddress&) = default;
};

struct SpaprVioAddress {
  std::optional<std::uint64_t> reg;
  friend bool operator==(const SpaprVioAddress&, const SpaprVioAddress&) = default;
};

/// All three numbers are given, or none.
struct CcwAddress {
  struct Number {
    std::uint32_t cssid = 0, ssid = 0, devno = 0;
    friend bool operator==(const Number&, const Number&) = default;
  };
  std::optional<Number> number;
  friend bool operator==(const CcwAddress&, const CcwAddress&) = default;
};

struct DimmAddress {
  std::uint32_t slot = 0;
  std::optional<std::uint64_t> base;
  friend bool operator==(const DimmAddress&, const DimmAddress&) = default;
};

/// The kinds of which nothing but the kind matters here.
struct VirtioMmioAddress {
  friend bool operator==(const VirtioMmioAddress&, const VirtioMmioAddress&) = default;
};
struct VirtioS390Address {
  friend bool operator==(const VirtioS390Address&, const VirtioS390Address&) = default;
};
struct IsaAddress {
  std::uint32_t iobase = 0, irq = 0;
  friend bool operator==(const IsaAddress&, const IsaAddress&) = default;
};
struct UnassignedAddress {
  friend bool operator==(const UnassignedAddress&, const UnassignedAddress&) = default;
};

using DeviceAddress =
    std::variant<NoAddress, PciAddress, DriveAddress, VirtioSerialAddress, CcidAddress, UsbAddress, SpaprVioAddress,
                 VirtioS390Address, CcwAddress, VirtioMmioAddress, IsaAddress, DimmAddress, UnassignedAddress>;

/// As the XML spells it: "pci", "drive", …; "none" for NoAddress.
std::string_view type_name(const DeviceAddress& address);

}  // namespace busproof::domain
