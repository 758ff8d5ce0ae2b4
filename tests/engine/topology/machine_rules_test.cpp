#include "engine/topology/machine_rules.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/topology/usb_rules.h"

namespace busproof::topology {
namespace {

using pci::ControllerModel;

TEST(MachineRules, EveryRowIsFoundByItsOwnNames) {
  for (const MachineRule& rule : kMachineRules)
    for (const ArchRule& arch : kArchRules) {
      if (!rule.arches.contains(arch.arch)) continue;
      std::string name(rule.names[0]);
      if (name.ends_with('*')) name.back() = '-';
      const MachineRule* found = machine_rule(arch.name, name);
      ASSERT_NE(found, nullptr) << arch.name << " " << name;
      EXPECT_EQ(found, &rule) << arch.name << " " << name;
    }
}

TEST(MachineRules, AliasAndVersionAreOneFamily) {
  for (const char* machine : {"pc", "pc-0.15", "pc-1.3", "pc-i440fx-7.2", "rhel6.6.0"})
    EXPECT_EQ(family_of("x86_64", machine), Family::I440fx) << machine;
  for (const char* machine : {"q35", "pc-q35-2.4"}) EXPECT_EQ(family_of("i686", machine), Family::Q35) << machine;
  for (const char* machine : {"virt", "virt-7.2"}) {
    EXPECT_EQ(family_of("aarch64", machine), Family::ArmVirt) << machine;
    EXPECT_EQ(family_of("riscv64", machine), Family::RiscvVirt) << machine;
  }
  EXPECT_EQ(family_of("ppc64le", "pseries-7.2"), Family::Pseries);
  EXPECT_EQ(family_of("s390x", "s390-ccw-virtio-7.2"), Family::S390);
}

TEST(MachineRules, ANameCountsOnItsOwnArchitectureOnly) {
  EXPECT_EQ(family_of("x86_64", "virt"), Family::NoPci);
  EXPECT_EQ(family_of("aarch64", "pc"), Family::NoPciOther);
  EXPECT_EQ(family_of("aarch64", "versatilepb"), Family::NoPci);
  EXPECT_EQ(family_of("armv6l", "versatilepb"), Family::OtherPci);
}

TEST(MachineRules, WhatIsNotModelledIsNotGuessed) {
  EXPECT_EQ(family_of("z80", "pc"), std::nullopt);
  EXPECT_EQ(family_of("mips", "fuloong2e"), std::nullopt);
  EXPECT_EQ(family_of("s390x", "none"), std::nullopt);
}

TEST(MachineRules, ARootIsTheFirstControllerOfEveryMachineWithPci) {
  EXPECT_EQ(rule_for(Family::I440fx).root, ControllerModel::PciRoot);
  EXPECT_EQ(rule_for(Family::Q35).root, ControllerModel::PcieRoot);
  EXPECT_EQ(rule_for(Family::NoPci).root, std::nullopt);
  EXPECT_EQ(rule_for(Family::S390).root, ControllerModel::PciRoot);
  EXPECT_EQ(machine_rule("armv7l", "virt")->root, ControllerModel::PcieRoot);
  EXPECT_EQ(machine_rule("armv6l", "virt")->root, std::nullopt);
}

TEST(UsbRules, PortsAreCountedByModel) {
  domain::Device controller;
  controller.controller.emplace();
  controller.controller->ports = 8;
  for (const UsbControllerRule& rule : kUsbControllerRules) {
    controller.model = rule.model;
    EXPECT_EQ(usb_port_count(controller), rule.ports_are_settable ? 8 : rule.ports) << rule.model;
  }
  controller.controller->ports.reset();
  controller.model = "qemu-xhci";
  EXPECT_EQ(usb_port_count(controller), 4);
}

}  // namespace
}  // namespace busproof::topology
