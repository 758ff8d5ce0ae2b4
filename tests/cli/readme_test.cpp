#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "tests/cli/command.h"

// The examples of README.md, run as they stand there.
namespace busproof::cli_tests {
namespace {

namespace fs = std::filesystem;

std::string with(std::string text, const std::string& old, const std::string& replacement) {
  const std::size_t at = text.find(old);
  EXPECT_NE(at, std::string::npos) << old;
  return at == std::string::npos ? text : text.replace(at, old.size(), replacement);
}

/// "    $ COMMAND", and the indented lines below it.
struct Example {
  std::string command, output;
};

std::vector<Example> examples() {
  std::vector<Example> found;
  bool inside = false;
  std::istringstream lines(project_file("README.md"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("    $ ")) {
      found.push_back({line.substr(6), ""});
      inside = true;
    } else if (inside && line.starts_with("    ")) {
      found.back().output += line.substr(4) + "\n";
    } else {
      inside = false;
    }
  }
  return found;
}

TEST(Readme, ShowsWhatTheCommandPrints) {
  const Folder folder;
  folder.write("web01.xml",
               with(with(project_file("corpus/domains/q35-new-conventional-nic-in-a-placed-domain/in.xml"),
                         "q35-new-conventional-nic-in-a-placed-domain", "web01"),
                    "<controller type='usb' model='none'/>", "<controller type='usb' index='0' model='none'/>"));
  folder.write("db02.xml", project_file("corpus/domains/refused-double-use/in.xml"));
  folder.write("in.xml", project_file("corpus/domains/q35-desktop/in.xml"));
  folder.write("old.xml", project_file("corpus/pairs/bridge-inserted-above-a-nic/old.xml"));
  folder.write("new.xml", project_file("corpus/pairs/bridge-inserted-above-a-nic/new.xml"));
  folder.write("desktop.json", project_file("corpus/hosts/desktop.json"));
  const std::string bin = fs::path(BUSPROOF_COMMAND).parent_path().string();
  int last_code = 0;
  for (const auto& [command, output] : examples()) {
    if (command.find("--oracle") != std::string::npos) continue;  // needs libvirt, and tells its speed
    // The README leaves out the lines of diff that name the two files.
    const std::string shown = command.find("| diff ") == std::string::npos ? command : command + " | tail -n +3";
    const Ran ran =
        folder.shell(fmt::format("PATH={}:$PATH; export PATH; (exit {}); ({}) 2>&1", bin, last_code, shown));
    EXPECT_EQ(ran.out, output) << command;
    last_code = ran.code;
  }
  EXPECT_GE(examples().size(), 10U);
}

}  // namespace
}  // namespace busproof::cli_tests
