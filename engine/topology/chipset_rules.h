#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/domain/domain.h"
#include "engine/topology/machine_rules.h"

/// What the chipset itself occupies on bus 0, and which devices it gives a place of their own (spec 4.8). Families
/// without rows have neither.
namespace busproof::topology {

/// A slot and a function of bus 0.
struct RootPlace {
  std::uint8_t slot = 0, function = 0;
};

/// A controller that must sit at one place: it is part of the chipset.
struct FixedController {
  Family family;
  domain::ControllerType type;
  std::string_view model;  ///< empty: any
  RootPlace place;
  bool reserved_at_once;  ///< false: the place is found taken only when addresses are collected the second time
  std::string_view rule;
  std::string_view refusal;  ///< what libvirt says when the XML puts it elsewhere
};
// clang-format off
inline constexpr auto kFixedControllers = std::to_array<FixedController>({
  {Family::I440fx, domain::ControllerType::Ide,  "",           {0x01, 1}, true,  "E222", "internal error: Primary IDE controller must have PCI address 0:0:1.1"},
  {Family::I440fx, domain::ControllerType::Usb,  "piix3-uhci", {0x01, 2}, true,  "E223", "internal error: PIIX3 USB controller at index 0 must have PCI address 0:0:1.2"},
  {Family::Q35,    domain::ControllerType::Sata, "",           {0x1f, 2}, false, "E224", "internal error: Primary SATA controller must have PCI address 0:0:1f.2"},
});
// clang-format on

/// A function that is always taken by a device of the chipset that no XML shows.
struct ReservedFunction {
  Family family;
  RootPlace place;
  std::string_view owner;
};
inline constexpr auto kReservedFunctions = std::to_array<ReservedFunction>({
    {Family::I440fx, {0x01, 0}, "the PIIX3 ISA bridge"},
    {Family::I440fx, {0x01, 3}, "the PIIX4 power management"},
    {Family::Q35, {0x1f, 0}, "the ICH9 LPC bridge"},
    {Family::Q35, {0x1f, 3}, "the ICH9 SMBus"},
});

/// A controller without any `<address>` element that goes to the first of these slots that is unused; when none is, it
/// is seated like any other.
struct PreferredSlots {
  Family family;
  domain::ControllerType type;
  std::string_view model;
  std::array<std::uint8_t, 2> slots;
  bool multifunction;  ///< it opens a slot that its companions will share
};
inline constexpr auto kPreferredSlots = std::to_array<PreferredSlots>({
    {Family::Q35, domain::ControllerType::Usb, "ich9-uhci1", {0x1d, 0x1a}, true},
    {Family::Q35, domain::ControllerType::Pci, "dmi-to-pci-bridge", {0x1e, 0x1e}, false},
});

/// Where the primary video goes if the slot is unused.
struct PrimaryVideoSlot {
  Family family;
  std::uint8_t slot;
};
inline constexpr auto kPrimaryVideoSlots = std::to_array<PrimaryVideoSlot>({{Family::I440fx, 2}, {Family::Q35, 1}});

/// Where the first sound card of that model goes if the slot is unused.
struct PreferredSound {
  Family family;
  std::string_view model;
  std::uint8_t slot;
};
inline constexpr auto kPreferredSounds = std::to_array<PreferredSound>({{Family::Q35, "ich9", 0x1b}});

}  // namespace busproof::topology
