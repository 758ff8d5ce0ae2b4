#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

#include "verify/libvirt_oracle.h"

namespace busproof {

/// libvirt as BUSPROOF_LIBVIRT_URI names it; else its QEMU driver inside this process where we are root, which disturbs
/// no daemon, else qemu:///system. Skips where there is none. Its files, if it needs any, are gone afterwards.
class LibvirtTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("busproof-libvirt-{}", getpid());
    std::filesystem::create_directories(folder_ / "etc");
    // What libvirt asks of every QEMU there is takes it longer than our questions, and each process would ask anew.
    std::filesystem::create_directories(BUSPROOF_LIBVIRT_CACHE);
    std::filesystem::create_directory_symlink(BUSPROOF_LIBVIRT_CACHE, folder_ / "cache");
    auto opened = verify::LibvirtOracle::open(uri());
    if (!opened) GTEST_SKIP() << opened.error().message;
    libvirt_.emplace(*std::move(opened));
    std::cout << "beside " << libvirt_->versions() << "\n";
  }

  void TearDown() override {
    libvirt_.reset();
    std::filesystem::remove_all(folder_);
  }

  verify::LibvirtOracle& libvirt() { return *libvirt_; }
  /// For files of the test.
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  [[nodiscard]] std::string uri() const {
    if (const char* wanted = std::getenv("BUSPROOF_LIBVIRT_URI")) return wanted;
    if (geteuid() != 0) return "qemu:///system";
    // As root QEMU can be asked what it knows in any container.
    std::ofstream(folder_ / "etc/qemu.conf") << "user = \"root\"\ngroup = \"root\"\nsecurity_driver = \"none\"\n";
    return fmt::format("qemu:///embed?root={}", folder_.string());
  }

  std::optional<verify::LibvirtOracle> libvirt_{};
  std::filesystem::path folder_{};
};

}  // namespace busproof
