#include "engine/assign/zpci_ids.h"

#include <gtest/gtest.h>

namespace busproof::assign {
namespace {

TEST(ZpciIdsTest, GivesTheLowestFreeNumbers) {
  ZpciIds ids;
  domain::ZpciIds first;
  domain::ZpciIds second;
  ASSERT_TRUE(ids.complete(first));
  ASSERT_TRUE(ids.complete(second));
  EXPECT_EQ(first, (domain::ZpciIds{1, 0}));
  EXPECT_EQ(second, (domain::ZpciIds{2, 1}));
}

TEST(ZpciIdsTest, KeepsWhatIsGivenAndFillsTheGapsAround) {
  ZpciIds ids;
  domain::ZpciIds given{3, 0};
  domain::ZpciIds half{1, {}};
  domain::ZpciIds none;
  ASSERT_TRUE(ids.complete(given));
  ASSERT_TRUE(ids.complete(half));
  ASSERT_TRUE(ids.complete(none));
  EXPECT_EQ(half, (domain::ZpciIds{1, 1}));
  EXPECT_EQ(none, (domain::ZpciIds{2, 2}));
}

TEST(ZpciIdsTest, RefusesAnIdGivenTwiceAndPrintsItInOctalAsLibvirtDoes) {
  ZpciIds ids;
  domain::ZpciIds first{0x11, 0};
  domain::ZpciIds same_uid{0x11, 5};
  ASSERT_TRUE(ids.complete(first));
  const auto refusal = ids.complete(same_uid);
  ASSERT_FALSE(refusal);
  EXPECT_EQ(refusal.error().message, "internal error: zPCI uid 21 is already reserved");
  domain::ZpciIds same_fid{0x12, 0};
  const auto fid_refusal = ids.complete(same_fid);
  ASSERT_FALSE(fid_refusal);
  EXPECT_EQ(fid_refusal.error().message, "internal error: zPCI fid 0 is already reserved");
}

TEST(ZpciIdsTest, RunsOutOfUidsAfter65535Devices) {
  ZpciIds ids;
  for (int i = 0; i < 65535; ++i) {
    domain::ZpciIds next;
    ASSERT_TRUE(ids.complete(next));
  }
  domain::ZpciIds one_too_many;
  const auto refusal = ids.complete(one_too_many);
  ASSERT_FALSE(refusal);
  EXPECT_EQ(refusal.error().message, "internal error: There is no more free uid.");
}

}  // namespace
}  // namespace busproof::assign
