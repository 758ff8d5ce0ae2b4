#pragma once

#include <string>
#include <string_view>

/// Runs the built command as a user would, in a folder of its own, with no terminal anywhere.
namespace busproof::cli_tests {

struct Ran {
  int code = -1;  ///< -1: it did not end by itself
  std::string out, err;
};

/// A folder that is made for one test and goes with it.
class Folder {
 public:
  Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder();

  [[nodiscard]] std::string path(std::string_view name) const;
  void write(std::string_view name, std::string_view text) const;
  [[nodiscard]] std::string read(std::string_view name) const;
  [[nodiscard]] std::size_t entry_count() const;

  /// `arguments` are words of a shell command line, redirections included.
  [[nodiscard]] Ran run(std::string_view arguments, std::string_view input = "") const;
  /// Any line of shell; the command is BUSPROOF_COMMAND.
  Ran shell(std::string_view line, std::string_view input = "") const;

 private:
  std::string root_;
};

/// The text of a file of the project, named from its top.
std::string project_file(std::string_view name);

/// A q35 guest with that many virtio interfaces and no address at all.
std::string bare_guest(unsigned interfaces);
/// A q35 guest whose only card, on line 12, sits behind the port that makes that bus: 1 or 2.
std::string card_on_bus(std::string_view bus, std::string_view name = "web01",
                        std::string_view uuid = "1f0a4b1e-7a5b-4c57-9a94-6c4a9b1e7a5b");
/// A guest that libvirt refuses: two devices at 0000:00:03.0. The second interface is on line 8.
std::string refused_guest();

}  // namespace busproof::cli_tests
