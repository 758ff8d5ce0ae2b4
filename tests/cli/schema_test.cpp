#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "tests/cli/command.h"

// Every schema against what the command really prints, by a validator that is not ours: python3-jsonschema.
namespace busproof::cli_tests {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A schema, and what prints data of its form; FILE stands for a good config or a bad one.
struct Sample {
  std::string_view schema, arguments;
};
constexpr std::array kSamples = {
    Sample{"assign", "assign --format json good.xml"},
    Sample{"assign", "assign --format json bad.xml"},
    Sample{"tree", "tree --format json good.xml"},
    Sample{"tree", "tree --format json bad.xml"},
    Sample{"rules", "rules --format json"},
    Sample{"findings", "diff --format json good.xml other.xml"},
    Sample{"findings", "check --format json good.xml bad.xml"},
    Sample{"headroom", "headroom --format json good.xml"},
    Sample{"headroom", "headroom --format json bad.xml"},
    Sample{"headroom", "headroom --format json --class root-port --plug cold --need 300 good.xml"},
    Sample{"host", "host list --format json --host-model host.json"},
    Sample{"host", "host show --format json --host-model host.json 01:00.0 02:00.0"},
    Sample{"host", "host groups --format json --host-model host.json"},
    Sample{"host", "tree --format json --host host.json"},
    Sample{"host-operation", "host plan detach 02:00.0 --format json --host-model host.json"},
    Sample{"host-operation", "host detach 01:00.0 --format json --host-model host.json"},
    Sample{"host-operation", "host detach 02:00.0 --format json --host-model host.json"},
    Sample{"host-status", "host status --format json --host-model host.json"},
    Sample{"host-recovery", "host recover --forget 02:00.0 --format json --host-model host.json"},
    Sample{"host-rehearsal", "host rehearse reattach 02:00.0 --format json --host-model host.json"},
    Sample{"lock", "lock -l - good.xml"},
    Sample{"qemu-args", "qemu-args --format json good.xml"},
    Sample{"qemu-args", "qemu-args --format json bad.xml"},
    Sample{"snapshot", "snapshot good.xml"},
};

constexpr std::string_view kValidator =
    "import json, sys\n"
    "from jsonschema import Draft202012Validator as V\n"
    "schema = json.load(open(sys.argv[1]))\n"
    "V.check_schema(schema)\n"
    "V(schema).validate(json.load(open(sys.argv[2])))\n";

bool has_validator() { return std::system("python3 -c 'import jsonschema' >/dev/null 2>&1") == 0; }

TEST(Schema, FitsWhatTheCommandsPrint) {
  if (!has_validator()) GTEST_SKIP() << "no python3-jsonschema here";
  const Folder folder;
  folder.write("good.xml", bare_guest(3));
  folder.write("other.xml", bare_guest(2));
  folder.write("bad.xml", refused_guest());
  std::filesystem::copy_file(BUSPROOF_SOURCE_DIR "/corpus/hosts/desktop.json", folder.path("host.json"));
  folder.write("validate.py", kValidator);
  for (const Sample& sample : kSamples) {
    folder.write("schema.json", folder.run(fmt::format("schema {}", sample.schema)).out);
    folder.write("data.json", folder.run(sample.arguments).out);
    const std::string line =
        fmt::format("cd {} && python3 validate.py schema.json data.json >validation 2>&1", folder.path(""));
    EXPECT_EQ(std::system(line.c_str()), 0) << sample.arguments << "\n" << folder.read("validation");
  }
}

TEST(Schema, IsThereForEveryNameThatIsListed) {
  const Folder folder;
  std::string names = folder.run("schema").out;
  for (const Sample& sample : kSamples) EXPECT_THAT(names, HasSubstr(fmt::format("{} ", sample.schema)));
  for (std::size_t begin = 0, end = 0; (end = names.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string name = names.substr(begin, names.find(' ', begin) - begin);
    EXPECT_THAT(folder.run("schema " + name).out, StartsWith("{\n  \"$schema\": ")) << name;
  }
}

TEST(Schema, SaysWhichOneWasMeant) {
  const Folder folder;
  const Ran ran = folder.run("schema snapshots");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("did you mean 'snapshot'?"));
}

TEST(Snapshot, PrintsWhatTheGuestSeesOrWhyItCannot) {
  const Folder folder;
  folder.write("good.xml", bare_guest(1));
  folder.write("bad.xml", refused_guest());
  EXPECT_THAT(folder.run("snapshot good.xml").out, HasSubstr("PciRoot(0x0)/Pci(0x1,0x0)/Pci(0x0,0x0)"));
  EXPECT_EQ(folder.run("snapshot bad.xml").code, 1);
  EXPECT_EQ(folder.run("snapshot missing.xml").code, 2);
}

}  // namespace
}  // namespace busproof::cli_tests
