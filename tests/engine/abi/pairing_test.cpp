#include "engine/abi/pairing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace busproof::abi {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

constexpr std::nullopt_t kNone = std::nullopt;

TEST(Pairing, ByUuidBeforeNameBeforePlace) {
  const Pairing pairing = pair_configs({{"a.xml", {"web", "1"}}, {"b.xml", {"db", "2"}}, {"c.xml", {"mail", "3"}}},
                                       {{"a.xml", {"db", "2"}}, {"x.xml", {"mail", "9"}}, {"b.xml", {"new", "7"}}});
  EXPECT_THAT(pairing.old_of_new, ElementsAre(Optional(1), Optional(2), testing::Eq(kNone)));
  EXPECT_THAT(pairing.gone, ElementsAre(0));
}

TEST(Pairing, OfTwoWithTheSameUuidEachKeepsItsPlace) {
  const Pairing pairing = pair_configs({{"prod/a.xml", {"a", "1"}}, {"test/a.xml", {"a", "1"}}},
                                       {{"test/a.xml", {"a", "1"}}, {"prod/a.xml", {"a", "1"}}});
  EXPECT_THAT(pairing.old_of_new, ElementsAre(Optional(1), Optional(0)));
  EXPECT_THAT(pairing.gone, IsEmpty());
}

TEST(Pairing, WhoChangedNameAndUuidIsKnownByItsPlace) {
  const Pairing pairing = pair_configs({{"a.xml", {"web", "1"}}}, {{"a.xml", {"web2", "2"}}});
  EXPECT_THAT(pairing.old_of_new, ElementsAre(Optional(0)));
}

TEST(Pairing, ConfigsWithoutAnyIdentityPairByPlaceOnly) {
  const Pairing pairing = pair_configs({{"a.xml", {}}, {"b.xml", {}}}, {{"c.xml", {}}, {"b.xml", {}}});
  EXPECT_THAT(pairing.old_of_new, ElementsAre(testing::Eq(kNone), Optional(1)));
  EXPECT_THAT(pairing.gone, ElementsAre(0));
}

}  // namespace
}  // namespace busproof::abi
