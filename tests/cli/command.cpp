#include "tests/cli/command.h"
#include "tests/support/files.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace busproof::cli_tests {
namespace fs = std::filesystem;

std::string project_file(std::string_view name) { return file_text(fs::path(BUSPROOF_SOURCE_DIR) / name); }

Folder::Folder() : root_((fs::temp_directory_path() / "busproof-test-XXXXXX").string()) {
  if (::mkdtemp(root_.data()) == nullptr) std::abort();
  fs::create_directory(fs::path(root_) / "in");
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

std::string Folder::path(std::string_view name) const { return (fs::path(root_) / "in" / name).string(); }

void Folder::write(std::string_view name, std::string_view text) const {
  std::ofstream(path(name), std::ios::binary) << text;
}

std::string Folder::read(std::string_view name) const { return file_text(path(name)); }

std::size_t Folder::entry_count() const {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(path("")), {}));
}

Ran Folder::run(std::string_view arguments, std::string_view input) const {
  return shell(fmt::format("{} {}", BUSPROOF_COMMAND, arguments), input);
}

Ran Folder::shell(std::string_view line, std::string_view input) const {
  const fs::path root(root_);
  std::ofstream(root / "stdin", std::ios::binary) << input;
  const std::string whole = fmt::format("cd {0}/in && ( {1} ) <{0}/stdin >{0}/stdout 2>{0}/stderr", root_, line);
  const int status = std::system(whole.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, file_text(root / "stdout"), file_text(root / "stderr")};
}

std::string bare_guest(unsigned interfaces) {
  std::string devices;
  for (unsigned i = 0; i < interfaces; ++i)
    devices += fmt::format(
        "    <interface type='user'>\n      <mac address='52:54:00:00:{:02x}:{:02x}'/>\n      <model type='virtio'/>\n "
        "   "
        "</interface>\n",
        i / 256, i % 256);
  return fmt::format(
      "<domain type='qemu'>\n  <name>guest</name>\n  <memory>65536</memory>\n"
      "  <os><type arch='x86_64' machine='q35'>hvm</type></os>\n  <features><acpi/></features>\n  <devices>\n{}"
      "    <memballoon model='none'/>\n  </devices>\n</domain>\n",
      devices);
}

std::string card_on_bus(std::string_view bus, std::string_view name, std::string_view uuid) {
  return fmt::format(
      "<domain type='qemu'>\n"
      "  <name>{}</name>\n"
      "  <uuid>{}</uuid>\n"
      "  <memory>65536</memory>\n"
      "  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>\n"
      "  <features><acpi/></features>\n"
      "  <devices>\n"
      "    <controller type='usb' model='none'/>\n"
      "    <controller type='pci' index='0' model='pcie-root'/>\n"
      "    <controller type='pci' index='1' model='pcie-root-port'><address type='pci' slot='1'/></controller>\n"
      "    <controller type='pci' index='2' model='pcie-root-port'><address type='pci' slot='2'/></controller>\n"
      "    <interface type='user'>\n"
      "      <mac address='52:54:00:aa:bb:cc'/>\n"
      "      <model type='virtio'/>\n"
      "      <address type='pci' bus='{}' slot='0x00'/>\n"
      "    </interface>\n"
      "    <memballoon model='none'/>\n"
      "  </devices>\n"
      "</domain>\n",
      name, uuid, bus);
}

std::string refused_guest() {
  return "<domain type='qemu'>\n  <name>guest</name>\n  <memory>65536</memory>\n"
         "  <os><type arch='x86_64' machine='pc'>hvm</type></os>\n  <devices>\n"
         "    <interface type='user'><mac address='52:54:00:00:00:01'/><address type='pci' slot='0x3'/></interface>\n"
         "\n"
         "    <interface type='user'><mac address='52:54:00:00:00:02'/><address type='pci' slot='0x3'/></interface>\n"
         "  </devices>\n</domain>\n";
}

}  // namespace busproof::cli_tests
