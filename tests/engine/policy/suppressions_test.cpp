#include "engine/policy/suppressions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/abi/rules.h"

namespace busproof::policy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto kToday = 2026y / 11 / 22;

Finding unused_controller(std::string device = "controller scsi 0") {
  Finding finding = abi::finding_of(abi::RuleId::ControllerUnused);
  finding.device = std::move(device);
  return finding;
}

std::string message_of(std::string_view toml) {
  const auto read = read_toml(toml);
  return read ? "" : read.error().message;
}

TEST(Suppressions, AreReadFromToml) {
  const auto read = read_toml(
      "# known\n"
      "[[suppress]]\n"
      "rule = \"BP213\"\n"
      "domain = \"web*\"\n"
      "device = \"controller scsi 0\"\n"
      "reason = \"kept for growth\"\n"
      "expires = 2027-01-31\n"
      "\n"
      "[[suppress]]\n"
      "rule = \"machine-alias\"\n"
      "reason = \"follows the distribution\"\n"
      "expires = \"2027-02-01\"\n");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(
      *read,
      ElementsAre(Suppression{"BP213", "web*", "controller scsi 0", "kept for growth", 2027y / 1 / 31, 21},
                  Suppression{"machine-alias", "", "", "follows the distribution", 2027y / 2 / 1, read->at(1).offset}));
}

TEST(Suppressions, AreReadFromJson) {
  const auto read = read_json(R"({"suppress": [{"rule": "BP213", "reason": "known", "expires": "2027-01-31"}]})");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(*read, ElementsAre(Suppression{"BP213", "", "", "known", 2027y / 1 / 31}));
}

TEST(Suppressions, ThatAreIncompleteAreRefused) {
  EXPECT_EQ(message_of("[[suppress]]\nreason = \"x\"\n"), "a suppression without rule");
  EXPECT_EQ(message_of("[[suppress]]\nrule = \"BP213\"\n"), "the suppression of BP213 gives no reason");
  EXPECT_EQ(message_of("[[suppress]]\nrule = \"BP213\"\nreason = \" \"\n"), "the suppression of BP213 gives no reason");
  EXPECT_EQ(message_of("[[suppress]]\nrule = \"BP999\"\nreason = \"x\"\n"), "there is no rule 'BP999'");
  EXPECT_EQ(message_of("[[suppress]]\nrule = \"BP213\"\nreason = \"x\"\nexpires = \"2027-02-30\"\n"),
            "expires: '2027-02-30' is no day");
  EXPECT_EQ(message_of("[[suppress]]\nrule = \"BP213\"\nreason = \"x\"\nexpires = \"soon\"\n"),
            "expires: 'soon' is no day");
  EXPECT_EQ(message_of("[[suppress]]\nrule = \"BP213\"\nreason = \"x\"\nuntil = \"2027-01-01\"\n"),
            "unknown key 'until' in a suppression");
  EXPECT_EQ(message_of("[[suppress]]\nrule = 213\nreason = \"x\"\n"), "rule: a text is expected");
  EXPECT_EQ(message_of("[[supress]]\nrule = \"BP213\"\n"), "'supress' is not expected here");
  EXPECT_EQ(message_of("suppress = [1]\n"), "a suppression is a table");
}

TEST(Suppressions, ThatAreNoTomlAreRefusedWithTheirPlace) {
  const auto read = read_toml("[[suppress]]\nrule = \n");
  ASSERT_FALSE(read);
  ASSERT_TRUE(read.error().offset);
  EXPECT_EQ(domain::place_of("[[suppress]]\nrule = \n", *read.error().offset).line, 2);
}

TEST(Suppressions, ThatAreNoJsonAreRefused) {
  EXPECT_EQ(read_json("{\"suppress\": [").error().kind, ErrorKind::Unreadable);
  EXPECT_EQ(read_json("[]").error().message, "an object with one list 'suppress' is expected");
  EXPECT_EQ(read_json(R"({"suppress": [1]})").error().message, "a suppression is an object");
  EXPECT_EQ(read_json(R"({"suppress": [{"rule": 213}]})").error().message, "rule: a text is expected");
}

TEST(Ledger, HidesWhatTheRuleDomainAndDeviceOfASuppressionFit) {
  Ledger ledger({{"controller-unused", "web*", "controller scsi *", "known"}}, kToday);
  EXPECT_EQ(ledger.reason_for("web01", "", unused_controller()), "known");
  EXPECT_EQ(ledger.reason_for("db01", "", unused_controller()), std::nullopt);
  EXPECT_EQ(ledger.reason_for("web01", "", unused_controller("controller pci 7")), std::nullopt);
  EXPECT_EQ(ledger.reason_for("web01", "", abi::finding_of(abi::RuleId::MachineAlias)), std::nullopt);
}

TEST(Ledger, KnowsDomainsByUuidToo) {
  Ledger ledger({{"BP213", "1f0a4b1e-7a5b-4c57-9a94-6c4a9b1e7a5b", "", "known"}}, kToday);
  EXPECT_EQ(ledger.reason_for("web01", "1f0a4b1e-7a5b-4c57-9a94-6c4a9b1e7a5b", unused_controller()), "known");
}

TEST(Ledger, HidesUpToTheLastDayAndTellsAfterwards) {
  Ledger on_its_day({{"BP213", "", "", "known", kToday}}, kToday);
  EXPECT_EQ(on_its_day.reason_for("web01", "", unused_controller()), "known");
  EXPECT_THAT(on_its_day.expired(), IsEmpty());
  Ledger a_day_later({{"BP213", "", "", "known", kToday}}, 2026y / 11 / 23);
  EXPECT_EQ(a_day_later.reason_for("web01", "", unused_controller()), std::nullopt);
  EXPECT_THAT(a_day_later.expired(), ElementsAre(Field(&Finding::rule, "BP311")));
  EXPECT_THAT(a_day_later.expired()[0].change, HasSubstr("BP213 (known) has expired on 2026-11-22"));
}

TEST(Ledger, TellsOfSuppressionsThatHideNothingThoughTheirRulesWereRun) {
  const Ledger ledger({{"BP213", "", "", "known"}, {"BP101", "", "", "planned"}, {"BP401", "", "", "later"}}, kToday);
  const auto count = [&](const Ran& ran) { return ledger.unused(ran).size(); };
  EXPECT_EQ(count({}), 0);
  EXPECT_EQ(count({.on_configs = true}), 1);
  EXPECT_EQ(count({.on_configs = true, .on_pairs = true}), 2);
  EXPECT_EQ(count({.on_locks = true}), 2);
  EXPECT_THAT(ledger.unused({.on_configs = true}), ElementsAre(Field(&Finding::rule, "BP310")));
}

}  // namespace
}  // namespace busproof::policy
