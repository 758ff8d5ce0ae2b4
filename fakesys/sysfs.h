#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fakesys/attributes.h"
#include "fakesys/host.h"

namespace busproof::fakesys {

/// How a file is opened. Creating is never possible, but asking for it changes the errno.
struct OpenMode {
  bool reading = false, writing = false, creating = false;
  bool exclusive = false;  ///< with creating: refuse what is there
};

/// An open file: of which directory, and which attribute. It may outlive its device.
struct File {
  Node directory;
  Entry entry;
  std::string name;
  OpenMode mode;
};

/// What a call gives: an errno, or a count and the data. A call that waits is not done; ask the model for its result.
struct IoResult {
  int error = 0;
  std::size_t count = 0;
  std::string data{};
  CallId waiting = 0;
};

struct Stat {
  unsigned mode = 0;  ///< with the type of the file: 0100644
  std::size_t size = 0;
};

template <class T>
struct Found {
  int error = 0;
  T value{};
};

/// A path's file system calls on a host, errno for errno. Paths are below /sys unless they begin with a slash.
Found<File> open_file(const Host& host, std::string_view path, OpenMode mode, Caller caller = Caller::Root);
/// read(2) from the beginning. One that has to wait for a lock says so and has no data yet: `read_waited` has it once
/// the call is done.
IoResult read_file(Host& host, const File& file, Caller caller = Caller::Root);
/// What a read gives to one who has the lock.
IoResult read_now(const Host& host, const File& file);
/// What the call saw when it had the lock, whoever has had it since.
IoResult read_waited(Host& host, const File& file, CallId call);
/// What root reads from an attribute of a device when nothing keeps it waiting: what open_file() and read_file() give,
/// but the short way, as nothing is asked for more often. Nothing: it takes them.
std::optional<Text> read_at_once(const Host& host, std::string_view path);
IoResult read_at(Host& host, const File& file, std::uint64_t offset, std::size_t count, Caller caller = Caller::Root);
IoResult write_file(Host& host, const File& file, std::string_view data, Caller caller = Caller::Root);
IoResult write_at(Host& host, const File& file, std::uint64_t offset, std::string_view data,
                  Caller caller = Caller::Root);
/// The tasks of a write and nothing else: for a scheduler. The count is what write(2) would return.
Found<Tasks> prepare_write(Host& host, const File& file, std::string_view data, Caller caller = Caller::Root);

/// Whether the device or driver that the file belongs to has gone since it was opened, or the attribute has.
bool outlived(const Host& host, const File& file);

Found<std::vector<std::string>> list_directory(const Host& host, std::string_view path);
Found<std::string> read_link(const Host& host, std::string_view path);
Found<Stat> stat_file(const Host& host, std::string_view path);
int change_mode(Host& host, std::string_view path, unsigned mode);

/// "EBUSY"; "ok" for 0.
std::string errno_name(int error);
/// The other way; 0 for "ok" and for what is no errno's name.
int errno_of(std::string_view name);

}  // namespace busproof::fakesys
