#include "engine/base/text.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace busproof {
namespace {

struct NumberCase {
  std::string text;
  Radix radix;
  std::optional<std::uint32_t> value;
};

class NumberSyntax : public testing::TestWithParam<NumberCase> {};

TEST_P(NumberSyntax, IsThatOfStrtoul) { EXPECT_EQ(unsigned_32(GetParam().text, GetParam().radix), GetParam().value); }

INSTANTIATE_TEST_SUITE_P(
    Literal, NumberSyntax,
    testing::Values(NumberCase{"0", Radix::Literal, 0U}, NumberCase{"5", Radix::Literal, 5U},
                    NumberCase{"010", Radix::Literal, 8U}, NumberCase{"08", Radix::Literal, std::nullopt},
                    NumberCase{"0x1f", Radix::Literal, 31U}, NumberCase{"0X1F", Radix::Literal, 31U},
                    NumberCase{"0x", Radix::Literal, std::nullopt}, NumberCase{"0xg", Radix::Literal, std::nullopt},
                    NumberCase{"1f", Radix::Literal, std::nullopt}, NumberCase{"00", Radix::Literal, 0U},
                    NumberCase{"0b1", Radix::Literal, std::nullopt}, NumberCase{"1e1", Radix::Literal, std::nullopt}));

INSTANTIATE_TEST_SUITE_P(
    Around, NumberSyntax,
    testing::Values(NumberCase{" 5", Radix::Literal, 5U}, NumberCase{"\t\n\v\f\r5", Radix::Decimal, 5U},
                    NumberCase{"+5", Radix::Literal, 5U}, NumberCase{" +0x5", Radix::Literal, 5U},
                    NumberCase{"+ 5", Radix::Literal, std::nullopt}, NumberCase{"5 ", Radix::Literal, std::nullopt},
                    NumberCase{"", Radix::Literal, std::nullopt}, NumberCase{" ", Radix::Literal, std::nullopt},
                    NumberCase{"+", Radix::Literal, std::nullopt}, NumberCase{"-5", Radix::Literal, std::nullopt},
                    NumberCase{"-0", Radix::Literal, std::nullopt}));

INSTANTIATE_TEST_SUITE_P(Decimal, NumberSyntax,
                         testing::Values(NumberCase{"010", Radix::Decimal, 10U}, NumberCase{"08", Radix::Decimal, 8U},
                                         NumberCase{"0x10", Radix::Decimal, std::nullopt}));

INSTANTIATE_TEST_SUITE_P(Hexadecimal, NumberSyntax,
                         testing::Values(NumberCase{"10", Radix::Hexadecimal, 16U},
                                         NumberCase{"0x10", Radix::Hexadecimal, 16U},
                                         NumberCase{"0x", Radix::Hexadecimal, std::nullopt},
                                         NumberCase{"g", Radix::Hexadecimal, std::nullopt}));

INSTANTIATE_TEST_SUITE_P(Limits, NumberSyntax,
                         testing::Values(NumberCase{"4294967295", Radix::Literal, 4294967295U},
                                         NumberCase{"0xffffffff", Radix::Literal, 4294967295U},
                                         NumberCase{"4294967296", Radix::Literal, std::nullopt},
                                         NumberCase{"18446744073709551615", Radix::Literal, std::nullopt},
                                         NumberCase{"18446744073709551616", Radix::Literal, std::nullopt},
                                         NumberCase{std::string(1000, '9'), Radix::Decimal, std::nullopt},
                                         NumberCase{std::string(1000, '0') + "7", Radix::Decimal, 7U}));

TEST(Unsigned64, GoesToTheLastNumberOf64Bits) {
  EXPECT_EQ(unsigned_64("18446744073709551615", Radix::Decimal), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(unsigned_64("0xffffffffffffffff", Radix::Literal), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(unsigned_64("18446744073709551616", Radix::Decimal), std::nullopt);
}

TEST(Signed32, TakesAMinusAndKeepsTo32Bits) {
  EXPECT_EQ(signed_32("-1", Radix::Decimal), -1);
  EXPECT_EQ(signed_32("-0x10", Radix::Literal), -16);
  EXPECT_EQ(signed_32("2147483647", Radix::Decimal), std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(signed_32("-2147483648", Radix::Decimal), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(signed_32("2147483648", Radix::Decimal), std::nullopt);
  EXPECT_EQ(signed_32("-2147483649", Radix::Decimal), std::nullopt);
  EXPECT_EQ(signed_32("4294967295", Radix::Decimal), std::nullopt);
}

TEST(LeadingNumber, LeavesWhatFollows) {
  const auto number = leading_number(" 12.3", Radix::Decimal);
  ASSERT_TRUE(number);
  EXPECT_EQ(number->magnitude, 12U);
  EXPECT_EQ(number->rest, ".3");
  EXPECT_EQ(leading_number("0x", Radix::Literal)->rest, "x");
}

}  // namespace
}  // namespace busproof
