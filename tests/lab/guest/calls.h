#pragma once

#include <sys/types.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lab {

using nlohmann::json;

/// "EBUSY"; "ok" for 0.
std::string errno_text(int error);

/// Members that hold a file's bytes: "data", or "data_b64" where they are no UTF-8.
void tell_bytes(json& out, const std::string& bytes);

/// A file below /sys, unless the path begins with a slash.
std::string full_path(const std::string& path);

/// Carries out the operations of a scenario by system calls, each that may not return in a process of its own.
class Calls {
 public:
  /// One step, arguments in and results out, in the format of kernel-truth's README.
  json run(const json& step);
  /// The text of an attribute as a STATE shows it: "!E..." where it cannot be read, "!blocks" where that does not
  /// return.
  std::string attribute(const std::string& path);
  /// The same of one whose read always returns, and the names in a directory: a fork less for each, and a state has
  /// ten of them a device.
  static std::string plain_attribute(const std::string& path);
  static std::vector<std::string> names(const std::string& path);

 private:
  struct Left {
    pid_t pid;
    int pipe;
  };
  /// The result of work done in another process; nothing if it has not returned in time.
  template <class Work>
  json apart(const json& step, const Work& work);
  json race(const json& step);
  json vfio(const json& step);
  json ioctl_on(const std::string& call, const std::vector<std::string>& args);
  json join(const json& step);
  json signal(const json& step);

  std::map<std::string, Left> left_;
  std::map<std::string, int> descriptors_;
  int next_id_ = 0;
};

/// Loads a module's file of the initramfs: 0 or an errno.
int load_module(const std::string& name, const std::string& parameters);

}  // namespace lab
