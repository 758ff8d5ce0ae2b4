// What registers say, told from their bytes: the fixtures of appendix A of the host binding spec.

#include "engine/host/config_space.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>

namespace busproof::host {
namespace {

/// Registers put down by hand.
class Fixture {
 public:
  explicit Fixture(std::size_t size, char fill = 0) : bytes_(size, fill) {}
  Fixture& at(std::size_t offset, std::initializer_list<unsigned> bytes) {
    for (const unsigned byte : bytes) bytes_[offset++] = static_cast<char>(byte);
    return *this;
  }
  [[nodiscard]] ConfigFacts facts(bool virtual_function = false) const {
    return read_config(
        [this](std::uint64_t offset, std::size_t count) {
          return offset >= bytes_.size() ? std::string() : bytes_.substr(offset, count);
        },
        virtual_function);
  }

 private:
  std::string bytes_;
};

/// An endpoint with a list of capabilities that begins at 0x40.
Fixture endpoint(std::size_t size) {
  return Fixture(size).at(0x00, {0x33, 0x10, 0x35, 0x00}).at(0x06, {0x10}).at(0x34, {0x40});
}

TEST(ConfigSpace, TheSpecsWorkedExample) {
  const ConfigFacts facts = endpoint(256)
                                .at(0x08, {0x43, 0x10, 0x03, 0x0c})
                                .at(0x0e, {0x80})
                                .at(0x40, {0x01, 0x00, 0x02, 0x7e, 0, 0, 0, 0})
                                .facts();
  EXPECT_EQ(facts.responding, Known::Yes);
  EXPECT_EQ(facts.header, 0);
  EXPECT_TRUE(facts.multifunction);
  EXPECT_EQ(facts.pm_reset, Known::Yes);
  EXPECT_EQ(facts.express, Known::No);
  EXPECT_EQ(facts.flr, Known::No);
  EXPECT_EQ(facts.acs, Known::No);
  EXPECT_EQ(facts.visible, 256u);
}

TEST(ConfigSpace, AnExpressEndpointWithFunctionLevelReset) {
  const ConfigFacts facts = endpoint(4096).at(0x40, {0x10, 0x00, 0x02, 0x00, 0, 0, 0, 0x10}).facts();
  EXPECT_EQ(facts.express, Known::Yes);
  EXPECT_EQ(facts.port_type, pci::PortType::Endpoint);
  EXPECT_EQ(facts.flr, Known::Yes);
  EXPECT_EQ(facts.power_management, Known::No);
  EXPECT_EQ(facts.pm_reset, Known::No);
  EXPECT_EQ(facts.acs, Known::No);
}

TEST(ConfigSpace, NoSoftResetMeansThatPowerManagementResetsNothing) {
  EXPECT_EQ(endpoint(256).at(0x40, {0x01, 0x00, 0x02, 0x7e, 0x08, 0, 0, 0}).facts().pm_reset, Known::No);
}

TEST(ConfigSpace, AdvancedFeaturesNeedBothBits) {
  EXPECT_EQ(endpoint(256).at(0x40, {0x13, 0x00, 0x06, 0x03}).facts().af_flr, Known::Yes);
  EXPECT_EQ(endpoint(256).at(0x40, {0x13, 0x00, 0x06, 0x02}).facts().af_flr, Known::No);
}

TEST(ConfigSpace, ADownstreamPortIsolatesWhenAllFourControlsAreOn) {
  const auto port = [](unsigned control) {
    return endpoint(4096)
        .at(0x0e, {0x01})
        .at(0x18, {0x03, 0x04, 0x06})
        .at(0x40, {0x10, 0x00, 0x62, 0x00, 0, 0, 0, 0})
        .at(0x100, {0x01, 0x00, 0x01, 0x14, 0, 0, 0, 0})  // error reporting, then what is at 0x140
        .at(0x140, {0x0d, 0x00, 0x01, 0x00, 0x1d, 0x00, control, 0x00})
        .facts();
  };
  EXPECT_EQ(port(0x1d).port_type, pci::PortType::DownstreamPort);
  EXPECT_EQ(port(0x1d).header, 1);
  EXPECT_EQ(port(0x1d).primary, 3);
  EXPECT_EQ(port(0x1d).secondary, 4);
  EXPECT_EQ(port(0x1d).subordinate, 6);
  EXPECT_EQ(port(0x1d).acs_isolates, Known::Yes);
  EXPECT_EQ(port(0x15).acs_isolates, Known::No);
  EXPECT_EQ(port(0).acs, Known::Yes);
}

TEST(ConfigSpace, AllOnesIsADeadDevice) {
  const ConfigFacts facts = Fixture(4096, '\xff').facts();
  EXPECT_EQ(facts.responding, Known::No);
  EXPECT_EQ(facts.flr, Known::Unknown);
  EXPECT_FALSE(facts.header.has_value());
}

TEST(ConfigSpace, AVirtualFunctionsOwnIdsAreAllOnes) {
  const auto registers = endpoint(4096).at(0x00, {0xff, 0xff, 0xff, 0xff});
  EXPECT_EQ(registers.facts(true).responding, Known::Yes);
  EXPECT_EQ(registers.facts(false).responding, Known::No);
  EXPECT_EQ(Fixture(4096, '\xff').facts(true).responding, Known::No);
}

TEST(ConfigSpace, WhatTheUnprivilegedCannotSeeIsUnknown) {
  const ConfigFacts facts = endpoint(64).facts();
  EXPECT_EQ(facts.visible, 64u);
  EXPECT_EQ(facts.header, 0);
  EXPECT_EQ(facts.flr, Known::Unknown);
  EXPECT_EQ(facts.express, Known::Unknown);
  EXPECT_EQ(facts.acs, Known::Unknown);
  EXPECT_EQ(facts.trouble, "");
  // Without a list there is nothing to be out of sight.
  EXPECT_EQ(Fixture(64).at(0, {0x33, 0x10}).facts().express, Known::No);
}

TEST(ConfigSpace, ExtendedCapabilitiesOutOfSightAreUnknown) {
  const ConfigFacts facts = endpoint(256).at(0x40, {0x10, 0x00, 0x02, 0x00, 0, 0, 0, 0x10}).facts();
  EXPECT_EQ(facts.flr, Known::Yes);
  EXPECT_EQ(facts.acs, Known::Unknown);
}

TEST(ConfigSpace, NothingVisibleIsNothingKnown) {
  const ConfigFacts facts = Fixture(0).facts();
  EXPECT_EQ(facts.responding, Known::Unknown);
  EXPECT_EQ(facts.visible, 0u);
}

TEST(ConfigSpace, T92_ACapabilityLoopEnds) {
  const ConfigFacts facts = endpoint(256).at(0x40, {0x01, 0x40}).facts();
  EXPECT_EQ(facts.trouble, "capability-loop");
  const ConfigFacts extended = endpoint(4096)
                                   .at(0x40, {0x10, 0x00, 0x02, 0x00, 0, 0, 0, 0})
                                   .at(0x100, {0x01, 0x00, 0x01, 0x10, 0, 0, 0, 0})
                                   .facts();
  EXPECT_EQ(extended.trouble, "capability-loop");
}

TEST(ConfigSpace, AnUnknownHeaderTypeIsNamed) {
  EXPECT_EQ(endpoint(256).at(0x0e, {0x05}).facts().trouble, "unknown header type 5");
  EXPECT_EQ(endpoint(256).at(0x0e, {0x02}).facts().header, 2);
}

}  // namespace
}  // namespace busproof::host
