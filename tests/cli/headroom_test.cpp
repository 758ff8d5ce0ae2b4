#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/cli/command.h"

namespace busproof::cli_tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Headroom, SaysForEachClassHowManyAndWhatBinds) {
  const Folder folder;
  folder.write("vm.xml", bare_guest(2));
  const Ran ran = folder.run("headroom vm.xml");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, StartsWith("vm.xml: guest\n  pcie-endpoint  cold "));
  EXPECT_THAT(ran.out, HasSubstr(", hot 1\n"));
  EXPECT_THAT(ran.out, HasSubstr("hot: port: every root and downstream port has its device"));
  EXPECT_THAT(ran.out, HasSubstr("for hot 2 add, and move nothing:\n      <controller type='pci' index='5' "
                                 "model='pcie-root-port'>\n"));
}

TEST(Headroom, EndsWithOneBelowWhatIsNeeded) {
  const Folder folder;
  folder.write("vm.xml", bare_guest(2));
  EXPECT_EQ(folder.run("headroom --class pcie-endpoint --need 1 vm.xml").code, 0);
  const Ran short_of_two = folder.run("headroom --class pcie-endpoint --need 3 vm.xml");
  EXPECT_EQ(short_of_two.code, 1);
  EXPECT_THAT(short_of_two.out, HasSubstr("for hot 3 add"));
  EXPECT_EQ(folder.run("headroom --class pcie-endpoint --plug cold --need 200 vm.xml").code, 0);
  EXPECT_EQ(folder.run("headroom --class pcie-endpoint --plug cold --need 300 vm.xml").code, 1);
}

TEST(Headroom, IsDataWhenAskedFor) {
  const Folder folder;
  folder.write("vm.xml", bare_guest(2));
  const Ran ran = folder.run("headroom --format json --class conventional vm.xml");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr(R"("class": "conventional")"));
  EXPECT_THAT(ran.out, Not(HasSubstr(R"("class": "pcie-endpoint")")));
}

TEST(Headroom, NeedsWhatTheMachineTakesWhereNoClassIsNamed) {
  const Folder folder;
  folder.write("express.xml", bare_guest(2));
  folder.write("conventional.xml",
               "<domain type='kvm'><name>a</name><os><type arch='x86_64' machine='pc'>hvm</type></os>"
               "<features><acpi/></features></domain>");
  EXPECT_EQ(folder.run("headroom --need 1 express.xml").code, 0);
  EXPECT_EQ(folder.run("headroom --need 3 express.xml").code, 1);
  EXPECT_EQ(folder.run("headroom --need 28 conventional.xml").code, 0);
  EXPECT_EQ(folder.run("headroom --need 40 conventional.xml").code, 1);
}

TEST(Headroom, RefusesWhatLibvirtRefusesAndWrongUsage) {
  const Folder folder;
  folder.write("vm.xml", bare_guest(2));
  folder.write("bad.xml", refused_guest());
  EXPECT_EQ(folder.run("headroom bad.xml").code, 1);
  EXPECT_EQ(folder.run("headroom missing.xml").code, 2);
  EXPECT_EQ(folder.run("headroom --need many vm.xml").code, 2);
  EXPECT_EQ(folder.run("headroom --class pcie-endpoint --need -3 vm.xml").code, 2);
  EXPECT_EQ(folder.run("headroom --class bus vm.xml").code, 2);
}

}  // namespace
}  // namespace busproof::cli_tests
