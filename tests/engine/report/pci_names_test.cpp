#include "engine/report/pci_names.h"

#include <gtest/gtest.h>

namespace busproof::report {
namespace {

const PciNames& names() {
  static const PciNames kNames = PciNames::parse(
      "#\n# a comment\n\n"
      "8086  Intel Corporation\n"
      "\t10fb  82599ES 10-Gigabit\n"
      "\t\t8086 000c  Ethernet Server Adapter\n"
      "10de  NVIDIA Corporation\n"
      "\t2204  GA102\n"
      "zzzz  nonsense\n"
      "C 02  Network controller\n"
      "\t00  Ethernet controller\n"
      "\t\t01  a programming interface\n"
      "C 03  Display controller\n");
  return kNames;
}

TEST(PciNames, KnowsVendorsAndDevices) {
  EXPECT_EQ(names().vendor(0x8086), "Intel Corporation");
  EXPECT_EQ(names().device(0x8086, 0x10fb), "82599ES 10-Gigabit");
  EXPECT_EQ(names().device(0x10de, 0x2204), "GA102");
}

TEST(PciNames, SaysNothingOfWhatTheListDoesNotHave) {
  EXPECT_EQ(names().vendor(0x1234), "");
  EXPECT_EQ(names().device(0x10de, 0x10fb), "");
  EXPECT_EQ(names().device_class(0xff0000), "");
}

TEST(PciNames, FallsBackToTheBaseClass) {
  EXPECT_EQ(names().device_class(0x020000), "Ethernet controller");
  EXPECT_EQ(names().device_class(0x028000), "Network controller");
  EXPECT_EQ(names().device_class(0x030000), "Display controller");
}

}  // namespace
}  // namespace busproof::report
