#include "engine/pci/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace busproof::pci {
namespace {

TEST(AddressParse, ReadsSegmentBusSlotAndFunction) {
  const auto address = GuestAddress::parse("0001:03:1f.7");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->segment(), 1U);
  EXPECT_EQ(address->bus(), 3);
  EXPECT_EQ(address->slot(), 31);
  EXPECT_EQ(address->function(), 7);
}

TEST(AddressParse, TakesSegmentZeroWhenThereIsNone) {
  EXPECT_EQ(GuestAddress::parse("fe:00.0"), GuestAddress::parse("0000:fe:00.0"));
}

TEST(AddressParse, ReadsSegmentsOfMoreThanSixteenBits) {
  EXPECT_EQ(HostAddress::parse("10000:e0:06.0")->segment(), 0x10000U);
}

TEST(AddressParse, RefusesSlotThirtyTwo) {
  const auto address = GuestAddress::parse("0000:00:20.0");
  ASSERT_FALSE(address);
  EXPECT_EQ(address.error().rule, "E106");
  EXPECT_THAT(address.error().message, testing::HasSubstr("slot='0x20', must be <= 0x1F"));
}

TEST(AddressParse, RefusesFunctionEight) {
  const auto address = GuestAddress::parse("0000:00:1f.8");
  ASSERT_FALSE(address);
  EXPECT_EQ(address.error().rule, "E107");
  EXPECT_THAT(address.error().message, testing::HasSubstr("function=0x8, must be <= 7"));
}

class MalformedAddress : public testing::TestWithParam<std::string> {};

TEST_P(MalformedAddress, IsRefused) {
  const auto address = HostAddress::parse(GetParam());
  ASSERT_FALSE(address) << GetParam();
  EXPECT_EQ(address.error().rule, "E103");
}

INSTANTIATE_TEST_SUITE_P(All, MalformedAddress,
                         testing::Values("", ".", ":", "0", "00.0", ":00:00.0", "00:00", "00:00.", "00:.0",
                                         "0000::00.0", "0000:000:00.0", "0000:00:000.0", "0000:00:00.00", "0:0:0:0.0",
                                         "-1:00:00.0", "0000:00:0g.0", "0x00:00.0", " 0000:00:00.0", "0000:00:00.0 ",
                                         "+0:00.0", "123456789:00:00.0"));

TEST(AddressFormat, PadsWithZeros) {
  EXPECT_EQ(to_string(*GuestAddress::make(0, 3, 31, 7)), "0000:03:1f.7");
  EXPECT_EQ(to_string(*HostAddress::make(0x10000, 0xe0, 6, 0)), "10000:e0:06.0");
}

TEST(AddressMake, RefusesWhatNoSlotHas) {
  EXPECT_EQ(GuestAddress::make(0, 0, 32, 0), std::nullopt);
  EXPECT_EQ(GuestAddress::make(0, 0, 0, 8), std::nullopt);
}

TEST(AddressOrder, GoesBySegmentBusSlotAndFunction) {
  EXPECT_LT(*HostAddress::parse("00:02.0"), *HostAddress::parse("00:02.1"));
  EXPECT_LT(*HostAddress::parse("00:1f.7"), *HostAddress::parse("01:00.0"));
  EXPECT_LT(*HostAddress::parse("ff:1f.7"), *HostAddress::parse("0001:00:00.0"));
}

}  // namespace
}  // namespace busproof::pci
