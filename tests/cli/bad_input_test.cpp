#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <string_view>

#include "tests/cli/command.h"

// What is no domain, or none that libvirt would take: each has its exit code, its place and a message, and costs
// little. What concerns files instead of their contents is in assign_test.cpp.
namespace busproof::cli_tests {
namespace {

using testing::IsEmpty;
using testing::StartsWith;

struct BadInput {
  const char* name;
  std::string text;
  int code;
  std::string message;  ///< what stderr begins with
  friend void PrintTo(const BadInput& input, std::ostream* out) { *out << input.name; }
};

std::string guest(std::string_view devices, std::string_view machine = "q35") {
  return fmt::format(
      "<domain type='qemu'><name>g</name><memory>1</memory><os><type arch='x86_64' machine='{}'>hvm</type></os>\n"
      "<devices>\n{}</devices></domain>\n",
      machine, devices);
}

std::string nic(std::string_view address) {
  return guest(fmt::format("<interface type='user'><address type='pci' {}/></interface>", address));
}

std::string repeated(std::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

std::string utf16(std::string_view text) {
  std::string wide = "\xff\xfe";
  for (const char c : text) wide.append(1, c).append(1, '\0');
  return wide;
}

class BadInputs : public testing::TestWithParam<BadInput> {};

TEST_P(BadInputs, HasItsExitCodeAndAMessageWithThePlace) {
  const Folder folder;
  folder.write("in.xml", GetParam().text);
  // As much memory as the program itself takes, and some times what it reads.
#ifdef __SANITIZE_ADDRESS__
  const std::string limit;
#else
  const std::size_t kilobytes = 100'000 + 50 * GetParam().text.size() / 1024;
  const std::string limit = fmt::format("ulimit -v {}; ", kilobytes);
#endif
  const Ran ran = folder.shell(fmt::format("{}{} assign in.xml", limit, BUSPROOF_COMMAND));
  EXPECT_EQ(ran.code, GetParam().code);
  EXPECT_THAT(ran.err, StartsWith(GetParam().message));
  EXPECT_THAT(ran.out, IsEmpty());
}

std::string name_of(const testing::TestParamInfo<BadInput>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Unreadable, BadInputs,
    testing::Values(BadInput{"NotXml", "hello\n", 2, "in.xml:1:1: error: XML error: Start tag expected"},
                    BadInput{"Truncated", "<domain>\n  <devices>\n    <interface type='us", 2,
                             "in.xml:3:16: error: XML error: AttValue"},
                    BadInput{"HundredThousandNested", repeated("<a>", 100'000) + repeated("</a>", 100'000), 2,
                             "in.xml:1:769: error: XML error: Excessive depth"},
                    BadInput{"DuplicateAttribute", guest("<rng model='virtio'\n  model='virtio'/>"), 2,
                             "in.xml:4:3: error: XML error: Attribute model redefined"},
                    BadInput{"DoctypeWithEntities", "\n<!DOCTYPE domain [<!ENTITY a 'b'>]><domain>&a;</domain>", 2,
                             "in.xml:2:1: error: XML error: a DOCTYPE"},
                    BadInput{"NulByte", guest(std::string_view("<rng>\0</rng>", 12)), 2,
                             "in.xml:3:6: error: XML error: invalid character: a NUL byte"},
                    BadInput{"Utf16", utf16(guest("")), 2, "in.xml:1:1: error: XML error: the text is UTF-16"},
                    BadInput{"WrongRoot", "<!-- a -->\n <network/>", 2,
                             "in.xml:2:2: error: XML error: expecting root element"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Refused, BadInputs,
    testing::Values(
        BadInput{"HundredThousandDevices",
                 guest(repeated("<interface type='user'><model type='virtio'/></interface>\n", 100'000)), 1,
                 "in.xml:243:1: error: interface #241: internal error: a PCI slot is needed"},
        BadInput{"OutOfRange", nic("slot='0x20'"), 1,
                 "in.xml:3:24: error: interface #1: XML error: Invalid PCI address slot"},
        BadInput{"Overflowing", nic("slot='4294967297'"), 1,
                 "in.xml:3:24: error: interface #1: XML error: Invalid value"},
        BadInput{"Negative", nic("bus='-1'"), 1, "in.xml:3:24: error: interface #1: XML error: Invalid value"},
        BadInput{"ControllersInACycle",
                 guest("<controller type='pci' index='1' model='pci-bridge'><address type='pci' bus='2' slot='1'/>"
                       "</controller>\n<controller type='pci' index='2' model='pci-bridge'>"
                       "<address type='pci' bus='1' slot='1'/></controller>",
                       "pc"),
                 1, "in.xml:3:1: error: controller pci 1: unsupported configuration: PCI controller at index 1 (0x01)"},
        BadInput{"LargestIndex", guest("<controller type='pci' index='4294967295' model='pcie-root-port'/>"), 1,
                 "in.xml:3:1: error: controller #1: XML error: Invalid value for attribute 'index'"}),
    name_of);

}  // namespace
}  // namespace busproof::cli_tests
