#include "engine/lock/pin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/assign/assign.h"
#include "tests/support/domain_builder.h"

namespace busproof::lock {
namespace {

using ::testing::Each;
using ::testing::Field;
using ::testing::Ne;

domain::Domain domain_with(std::string_view devices) {
  auto wish = read({.machine = "pc-i440fx-7.2", .devices = devices, .head = "<features><acpi/></features>"});
  EXPECT_TRUE(wish) << wish.error().message;
  return *std::move(wish);
}

LockedDomain locked_with(std::string_view devices) {
  const auto assignment = assign::assign(domain_with(devices));
  EXPECT_TRUE(assignment) << assignment.error().message;
  return locked(assignment->placed);
}

TEST(Pin, KeepsAControllerWithoutWhichTheRestOfItsSlotWouldBeLost) {
  const LockedDomain lock = locked_with(
      "<controller type='scsi' index='0' model='lsilogic'>"
      "<address type='pci' bus='0' slot='5' function='0' multifunction='on'/></controller>"
      "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/>"
      "<address type='pci' bus='0' slot='5' function='6'/></interface>");

  const auto pinned = pin(lock,
                          domain_with("<interface type='user'><mac address='52:54:00:00:00:01'/>"
                                      "<model type='virtio'/></interface>"),
                          Believe::Lock, FreedSlots::Kept);

  ASSERT_TRUE(pinned) << pinned.error().message;
  EXPECT_THAT(pinned->findings, Each(Field(&Finding::severity, Ne(Severity::Error))));
  const auto& devices = pinned->placed.domain().devices;
  EXPECT_TRUE(std::ranges::any_of(devices, [](const domain::Device& device) {
    return device.controller && device.controller->type == domain::ControllerType::Scsi;
  }));
}

TEST(Pin, LetsAControllerGoThatCarriesNobody) {
  const LockedDomain lock = locked_with(
      "<controller type='scsi' index='0' model='lsilogic'>"
      "<address type='pci' bus='0' slot='5' function='0'/></controller>");

  const auto pinned = pin(lock, domain_with(""), Believe::Lock, FreedSlots::Kept);

  ASSERT_TRUE(pinned) << pinned.error().message;
  EXPECT_TRUE(std::ranges::none_of(pinned->placed.domain().devices, [](const domain::Device& device) {
    return device.controller && device.controller->type == domain::ControllerType::Scsi;
  }));
}

TEST(Pin, LeavesWhatLibvirtImpliesOutOfTheMatch) {
  // The panic device that every pseries guest has is on both sides; so is a disk, which comes first.
  auto old = read({.machine = "pseries",
                   .devices = "<disk type='file' device='disk'><target dev='vdb' bus='virtio'/>"
                              "<alias name='ua-a'/></disk>"
                              "<disk type='file' device='disk'><target dev='vda' bus='virtio'/>"
                              "<alias name='ua-b'/></disk>",
                   .arch = "ppc64"});
  ASSERT_TRUE(old) << old.error().message;
  const auto assignment = assign::assign(*old);
  ASSERT_TRUE(assignment) << assignment.error().message;

  const auto pinned = pin(locked(assignment->placed), *old, Believe::Lock, FreedSlots::Kept);

  ASSERT_TRUE(pinned) << pinned.error().message;
  EXPECT_THAT(pinned->findings, ::testing::IsEmpty());
}

}  // namespace
}  // namespace busproof::lock
