#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <string>

#include "tests/cli/command.h"

namespace busproof::cli_tests {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(QemuArgs, AreOneOptionALine) {
  const Ran ran = Folder().run("qemu-args -", bare_guest(1));
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, StartsWith("-device pcie-root-port,port=8,chassis=1,id=pci.1,bus=pcie.0,multifunction=on"));
  EXPECT_THAT(ran.out, HasSubstr("\n-device virtio-net-pci,id=net0,mac=52:54:00:00:00:00,bus=pci.1,addr=0x0\n"));
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST(QemuArgs, NameAControllerAfterTheOneThatItSitsOn) {
  const std::string guest =
      "<domain type='qemu'><name>g</name><memory>65536</memory><os><type arch='x86_64' machine='q35'>hvm</type></os>"
      "<devices><controller type='usb' model='none'/><memballoon model='none'/>"
      "<controller type='pci' index='1' model='pcie-switch-downstream-port'><address type='pci' bus='2'/></controller>"
      "<controller type='pci' index='2' model='pcie-switch-upstream-port'><address type='pci' bus='3'/></controller>"
      "<controller type='pci' index='3' model='pcie-root-port'/></devices></domain>";
  const Ran ran = Folder().run("qemu-args -", guest);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_LT(ran.out.find("id=pci.3"), ran.out.find("id=pci.2"));
  EXPECT_LT(ran.out.find("id=pci.2"), ran.out.find("id=pci.1"));
}

TEST(QemuArgs, OfARefusedGuestAreTheRefusal) {
  const Folder folder;
  const Ran text = folder.run("qemu-args -", refused_guest());
  EXPECT_EQ(text.code, 1);
  EXPECT_THAT(text.out, IsEmpty());
  EXPECT_THAT(text.err, StartsWith("<stdin>:8:5: error: "));
  EXPECT_EQ(Json::parse(folder.run("qemu-args --format json -", refused_guest()).out)["error"]["rule"], "E305");
}

/// "0000:02:05.0" → where the guest has what the XML puts there; what the guest does not have is left out.
std::map<std::string, std::string> predicted(const Json& tree) {
  std::map<std::string, std::string> places;
  for (const Json& bus : tree["buses"])
    for (const Json& device : bus["devices"])
      if (device["guest_address"].is_string()) places[device["address"]] = device["guest_address"];
  return places;
}

/// The ids of QEMU's devices, and where its monitor has them.
std::multimap<std::string, std::string> shown_by(const std::string& monitor) {
  std::multimap<std::string, std::string> places;
  std::string place;
  std::istringstream lines(monitor);
  for (std::string line; std::getline(lines, line);) {
    static const std::regex kPlace(R"( *Bus +(\d+), device +(\d+), function (\d+):\r?)"), kId(R"re( *id "(.+)"\r?)re");
    std::smatch match;
    if (std::regex_match(line, match, kPlace))
      place = fmt::format("0000:{:02x}:{:02x}.{}", std::stoul(match[1]), std::stoul(match[2]), match[3].str());
    else if (std::regex_match(line, match, kId))
      places.emplace(match[1], place);
  }
  return places;
}

class RealQemu : public testing::TestWithParam<const char*> {};

/// QEMU takes the arguments, and its firmware gives the numbers that `tree` predicts.
TEST_P(RealQemu, HasEveryDeviceWhereTreeSaysTheGuestHasIt) {
  if (std::system("qemu-system-x86_64 --version 2>/dev/null | grep -q 'version 7\\.2'") != 0)
    GTEST_SKIP() << "no qemu-system-x86_64 of version 7.2 here";
  const Folder folder;
  fs::copy_file(fs::path(BUSPROOF_CORPUS_DIR) / GetParam() / "in.xml", folder.path("in.xml"));
  folder.write("args", folder.run("qemu-args --stand-ins in.xml").out);
  // SeaBIOS says how many processors there are once it has numbered the buses.
  const Ran ran = folder.shell(
      "{ i=0; until grep -qs 'cpu(s) max' log || [ $i -gt 600 ]; do sleep 0.1; i=$((i+1)); done\n"
      "  echo info pci; echo quit; } |\n"
      "timeout 120 xargs -a args qemu-system-x86_64 -accel tcg -display none -monitor stdio -debugcon file:log"
      " -global isa-debugcon.iobase=0x402");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto shown = shown_by(ran.out);
  const auto places = predicted(Json::parse(folder.run("tree --format json in.xml").out)[0]);
  std::size_t compared = 0;
  static const std::regex kDevice(R"(-device .*,id=([^,]+),.*bus=pcie?\.(\d+),.*addr=0x([0-9a-f]+)(?:\.0x(\d))?)");
  std::istringstream args(folder.read("args"));
  for (std::string line; std::getline(args, line);) {
    std::smatch match;
    if (!std::regex_search(line, match, kDevice)) continue;
    const std::string address = fmt::format("0000:{:02x}:{:02x}.{}", std::stoul(match[2]),
                                            std::stoul(match[3], nullptr, 16), match[4].matched ? match[4].str() : "0");
    const auto place = places.find(address);
    if (place == places.end()) continue;  // what the guest loses keeps its registers
    const auto [begin, end] = shown.equal_range(match[1]);
    EXPECT_TRUE(std::any_of(begin, end, [&](const auto& entry) { return entry.second == place->second; }))
        << match[1] << " is not on " << place->second;
    ++compared;
  }
  EXPECT_GE(compared, 2U);
}

INSTANTIATE_TEST_SUITE_P(Corpus, RealQemu,
                         testing::Values("pc-bridge-below-bridge", "pc-expander-nested-bridges",
                                         "pc-one-of-every-class", "pc-three-expanders-numbered-downwards",
                                         "q35-desktop", "q35-expander-node-and-bridge-below",
                                         "q35-hole-of-indexes-filled-with-ports", "q35-nine-nics-two-slots-of-ports",
                                         "q35-one-of-every-class", "q35-pcie-to-pci-bridge-and-bridge-below",
                                         "q35-switch", "q35-switch-every-attribute"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace busproof::cli_tests
