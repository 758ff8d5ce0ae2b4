#include "fakesys/sysfs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <set>

#include "fakesys/unmodelled.h"

namespace busproof::fakesys {
namespace {

constexpr unsigned kDirectoryMode = 0040755;
constexpr unsigned kRootMode = 0040555;  // of /sys itself
constexpr unsigned kSearchable = 01;
constexpr unsigned kFileType = 0170000;
constexpr unsigned kRegularFile = 0100000;
constexpr std::size_t kNodeSize = 20;  // what a name adds to a directory under /dev; "." and ".." count too
constexpr unsigned kAnyRead = 0444, kAnyWrite = 0222, kOtherRead = 04, kOtherWrite = 02;

// ---- Paths
// -------------------------------------------------------------------------------------------------------------

struct Walked {
  int error = 0;
  Node directory{};              ///< the one that holds the last part
  std::optional<Entry> entry{};  ///< the last part; none if that alone is missing
  std::string name{};            ///< its name
  bool is_root = false;          ///< the path names where it began
};

/// Most paths begin so; the walk can begin there.
std::optional<Node> known_beginning(const Host& host, std::string_view& path) {
  constexpr std::string_view kDevices = "bus/pci/devices/";
  constexpr std::size_t kUsualLength = 12;
  if (!path.starts_with(kDevices) || path.size() <= kDevices.size() + kUsualLength) return std::nullopt;
  const std::string_view rest = path.substr(kDevices.size());
  if (rest[kUsualLength] != '/') return std::nullopt;
  const Slot slot = host.model.find(rest.substr(0, kUsualLength));
  if (slot == kNoSlot) return std::nullopt;
  path = rest.substr(kUsualLength + 1);
  return device_node(host, slot);
}

/// The directory that a walk stands in after its last part; an errno if that is none.
Found<Node> standing_in(const Walked& at) {
  if (at.is_root) return {0, at.directory};
  if (!at.entry) return {ENOENT, {}};
  if (at.entry->kind == Entry::Kind::Attribute || at.entry->kind == Entry::Kind::CharacterDevice) return {ENOTDIR, {}};
  if (!at.entry->node) return {ENOENT, {}};
  return {0, *at.entry->node};
}

/// Follows a path that has no .. in it.
Walked walk_down(const Host& host, std::string_view path) {
  const bool wants_directory = path.ends_with('/');
  Walked at{.directory = {.place = Place::Sys}, .is_root = true};
  if (path.starts_with("/sys/") || path == "/sys") {
    path.remove_prefix(4);
  } else if (path.starts_with("/dev/") || path == "/dev") {
    at.directory.place = Place::Dev;
    path.remove_prefix(4);
  } else if (path.starts_with('/')) {
    return {.error = ENOENT};
  }
  if (path.starts_with('/')) path.remove_prefix(1);
  if (const auto node = known_beginning(host, path)) at.directory = *node;
  std::string_view last;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (name.empty() || name == ".") continue;
    if (!at.is_root) {
      const Found<Node> here = standing_in(at);
      if (here.error != 0) return {.error = here.error};
      at.directory = here.value;
    }
    at.entry = find_entry(host, at.directory, name);
    at.is_root = false;
    last = name;
  }
  at.name = last;
  if (wants_directory && at.entry) {
    const Found<Node> here = standing_in(at);
    if (here.error != 0) return {.error = here.error};
    at.entry->kind = Entry::Kind::Directory;
  }
  return at;
}

/// The same path from the root on, without its dots: every .. is a step up from where the links before it have led to.
/// A link at the end is left to the caller; so is what cannot be walked through.
std::string without_dots(const Host& host, std::string_view path) {
  const auto whole = std::filesystem::path("/sys").append(path).relative_path();  // an absolute path stays as it is
  std::filesystem::path walked = "/";
  for (auto part = whole.begin(); part != whole.end();) {
    walked = (walked / *part).lexically_normal();
    if (++part == whole.end() || walked == "/") continue;
    const Walked at = walk_down(host, walked.string());
    if (at.error != 0 || standing_in(at).error != 0) return (walked / "beyond").string();
    if (at.entry && at.entry->kind == Entry::Kind::Link)
      walked = (walked.parent_path() / at.entry->target).lexically_normal();
  }
  return walked.string();
}

Walked walk(const Host& host, std::string_view path) {
  const bool has_dots =
      path.contains("..") && (path.contains("/../") || path.starts_with("../") || path.ends_with("/.."));
  return walk_down(host, has_dots ? without_dots(host, path) : path);
}

/// The directory that a path leads to, through a link at its end too.
Found<Node> directory_at(const Host& host, std::string_view path) {
  const Walked found = walk(host, path);
  if (found.error != 0) return {found.error, {}};
  return standing_in(found);
}

/// A file outside /sys that the host was recorded with.
/// A file outside /sys: the two that every kernel has, or one that the host's maker wrote down.
std::optional<std::string> plain_file(const Host& host, std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  if (path == "/proc/sys/kernel/random/boot_id") return boot_id(host) + '\n';
  const auto found =
      std::ranges::find(host.facts->files, path, [](const auto& file) -> std::string_view { return file.first; });
  if (found != host.facts->files.end()) return found->second;
  if (path == "/proc/sys/kernel/osrelease") return host.facts->kernel + '\n';
  return std::nullopt;
}

/// The names right below a path that links of parts of /sys beyond PCI begin with.
std::vector<std::string> names_of_links(const Host& host, std::string_view path) {
  std::set<std::string> names;
  for (const auto& [link, target] : host.facts->links) {
    if (!link.starts_with(path) || link.size() <= path.size() || link[path.size()] != '/') continue;
    const std::string rest = link.substr(path.size() + 1);
    names.insert(rest.substr(0, rest.find('/')));
  }
  return {names.begin(), names.end()};
}

std::string file_key(const Host& host, const Node& directory, std::string_view name) {
  return path_of(host, directory) + '/' + std::string(name);
}

unsigned mode_of(const Host& host, const Node& directory, const Entry& entry, std::string_view name) {
  if (!host.modes.empty()) {
    const auto changed = host.modes.find(file_key(host, directory, name));
    if (changed != host.modes.end()) return changed->second;
  }
  return entry.row != nullptr ? entry.row->mode : entry.recorded->mode;
}

/// The same for a directory or a device node: what it was changed to, or else what it always is.
unsigned mode_changed_from(const Host& host, const std::string& path, unsigned usual) {
  const auto changed = host.modes.find(path);
  return changed == host.modes.end() ? usual : (usual & kFileType) | changed->second;
}

/// What was written to the files of a device, and how they may be opened, goes with it.
void forget_files_that_went(Host& host) {
  const auto went = [&](const auto& file) {
    if (!file.first.starts_with("devices/")) return false;
    const Walked found = walk(host, file.first);
    return found.error != 0 || !found.entry;
  };
  std::erase_if(host.modes, went);
  std::erase_if(host.written_texts, went);
}

int permission(unsigned mode, OpenMode wanted, Caller caller) {
  if (caller != Caller::Root) {
    if (wanted.reading && (mode & kOtherRead) == 0) return EACCES;
    if (wanted.writing && (mode & kOtherWrite) == 0) return EACCES;
  }
  // Whether anybody may at all binds root too.
  if (wanted.reading && (mode & kAnyRead) == 0) return EACCES;
  if (wanted.writing && (mode & kAnyWrite) == 0) return EACCES;
  return 0;
}

bool read_takes_lock(const Host& host, const AttributeRow& row) {
  switch (row.read_lock) {
    case ReadLock::None:
      return false;
    case ReadLock::Override:
      return host.model.profile.override_takes_lock;
    case ReadLock::NumVfs:
      return host.model.profile.numvfs_read_takes_lock;
    case ReadLock::Uevent:
      return host.model.profile.uevent_read_takes_lock;
  }
  return false;
}

bool is_window(const File& file) {
  return file.entry.kind == Entry::Kind::Attribute && fakesys::is_window(file.directory, file.name);
}

IoResult from_status(const CallStatus& status, std::size_t count) {
  if (!status.done) return {.waiting = status.id};
  if (status.error != 0) return {.error = status.error};
  return {.count = count};
}

}  // namespace

bool outlived(const Host& host, const File& file) {
  const bool of_device = file.directory.device.slot != kNoSlot;
  if (of_device && host.model.alive(file.directory.device) == kNoSlot) return true;
  if (file.directory.place == Place::Driver && !host.model.has_driver(file.directory.number)) return true;
  if (file.directory.place == Place::GroupDir && host.model.group(file.directory.number) == nullptr) return true;
  return of_device && file.entry.row != nullptr && file.entry.row->exists != nullptr &&
         !file.entry.row->exists(host, file.directory);
}

namespace {

/// Opens into `file`, or gives an errno.
int open_into(File& file, const Host& host, std::string_view path, OpenMode mode, Caller caller) {
  file.mode = mode;
  if (auto text = plain_file(host, path)) {
    file.entry.target = *std::move(text);
    file.name = path;
    return mode.writing ? EACCES : 0;
  }
  Walked found = walk(host, path);
  if (found.error != 0) return found.error;
  if (found.is_root) {
    file.entry.kind = Entry::Kind::Directory;
    return mode.writing ? EISDIR : 0;
  }
  if (caller != Caller::Root && !host.modes.empty() &&
      (mode_changed_from(host, path_of(host, found.directory), kDirectoryMode) & kSearchable) == 0)
    return EACCES;
  if (!found.entry) return mode.creating ? EACCES : ENOENT;
  if (mode.creating && mode.exclusive) return EEXIST;
  const bool leads_to_directory = found.entry->kind == Entry::Kind::Directory || found.entry->node.has_value();
  if (found.entry->kind == Entry::Kind::Link && !found.entry->node) return ENOENT;
  file.directory = found.directory;
  file.entry = std::move(*found.entry);
  file.name = std::move(found.name);
  if (leads_to_directory) return mode.writing ? EISDIR : 0;
  if (file.entry.kind == Entry::Kind::CharacterDevice) return 0;
  return permission(mode_of(host, file.directory, file.entry, file.name), mode, caller);
}

/// An attribute that its mode alone kept from being read, before somebody changed it, has nothing to tell.
IoResult shown(const Host& host, const File& file) {
  if (file.entry.row->show == nullptr) return {.error = EIO};
  Text text = file.entry.row->show(host, file.directory);
  const std::size_t count = text.text.size();
  return {.error = text.error, .count = count, .data = std::move(text.text)};
}

}  // namespace

std::optional<Text> read_at_once(const Host& host, std::string_view path) {
  const auto device = known_beginning(host, path);
  if (!device || !host.modes.empty()) return std::nullopt;
  const AttributeRow* row = attribute_row(device->place, path);
  if (row == nullptr || row->show == nullptr || row->binary || (row->mode & kAnyRead) == 0) return std::nullopt;
  if (row->exists != nullptr && !row->exists(host, *device)) return std::nullopt;
  if (read_takes_lock(host, *row) && host.model.locked(device->device.slot)) return std::nullopt;
  return row->show(host, *device);
}

Found<File> open_file(const Host& host, std::string_view path, OpenMode mode, Caller caller) {
  Found<File> opened;
  opened.error = open_into(opened.value, host, path, mode, caller);
  return opened;
}

IoResult read_now(const Host& host, const File& file) {
  if (file.entry.row != nullptr) {
    if (outlived(host, file)) return {.error = ENODEV};
    return shown(host, file);
  }
  if (file.entry.recorded == nullptr) {
    if (file.entry.kind == Entry::Kind::CharacterDevice) return {.error = EINVAL};
    if (file.entry.kind != Entry::Kind::Attribute) return {.error = EISDIR};
    return {.count = file.entry.target.size(), .data = file.entry.target};
  }
  const auto written = host.written_texts.find(file_key(host, file.directory, file.name));
  if (written != host.written_texts.end()) return {.count = written->second.size(), .data = written->second};
  const RecordedAttribute& recorded = *file.entry.recorded;
  if (!recorded.error.empty()) return {.error = errno_of(recorded.error)};
  if (!recorded.text) return {.error = EIO};
  return {.count = recorded.text->size(), .data = *recorded.text};
}

IoResult read_waited(Host& host, const File& file, CallId call) {
  auto seen = host.model.take_look(call);
  if (!seen) return read_now(host, file);
  Host then = host;
  then.model.show_as(file.directory.device, *std::move(seen));
  return shown(then, file);
}

IoResult read_file(Host& host, const File& file, Caller caller) {
  if (!file.mode.reading) return {.error = EBADF};
  if (is_window(file)) return read_at(host, file, 0, kPage, caller);
  if (file.entry.row == nullptr) return read_now(host, file);
  if (outlived(host, file)) return {.error = ENODEV};
  if (file.entry.row->binary) return read_at(host, file, 0, kPage, caller);
  if (read_takes_lock(host, *file.entry.row) && host.model.locked(file.directory.device.slot)) {
    const DeviceRef device = file.directory.device;
    const CallStatus status = host.model.call({{.step = Step::Lock, .device = device},
                                               {.step = Step::Look, .device = device},
                                               {.step = Step::Unlock, .device = device}});
    if (!status.done) return {.waiting = status.id};
    return read_waited(host, file, status.id);
  }
  return shown(host, file);
}

IoResult read_at(Host& host, const File& file, std::uint64_t offset, std::size_t count, Caller caller) {
  if (!file.mode.reading) return {.error = EBADF};
  const bool is_file = file.entry.kind == Entry::Kind::Attribute && !file.entry.node;
  if (count == 0 && is_file) return {};
  if (is_window(file)) {
    const WindowAccess access = access_window(host, file.directory, file.name, offset, count);
    return {.error = access.error, .count = access.count, .data = std::string(access.count, '\0')};
  }
  if (file.entry.row == nullptr || !file.entry.row->binary) {
    IoResult whole = read_file(host, file, caller);
    if (whole.error != 0 || whole.waiting != 0) return whole;
    whole.data = offset >= whole.data.size() ? std::string() : whole.data.substr(offset, count);
    whole.count = whole.data.size();
    return whole;
  }
  if (outlived(host, file)) return {.error = ENODEV};
  Text text = read_binary(host, file.directory, file.name, offset, count, caller);
  const std::size_t got = text.text.size();
  return {.error = text.error, .count = got, .data = std::move(text.text)};
}

Found<Tasks> prepare_write(Host& host, const File& file, std::string_view data, Caller caller) {
  if (outlived(host, file)) return {ENODEV, {}};
  if (file.entry.row->store == nullptr) return {EIO, {}};
  Effect effect = file.entry.row->store(host, file.directory, {data.substr(0, kPage), caller});
  return {effect.error, std::move(effect.tasks)};
}

IoResult write_file(Host& host, const File& file, std::string_view data, Caller caller) {
  if (!file.mode.writing) return {.error = EBADF};
  if (data.empty()) return {};
  if (is_window(file)) return write_at(host, file, 0, data, caller);
  if (file.entry.row == nullptr && file.name == "uevent")
    return is_synthetic_event(data) ? IoResult{.count = data.size()} : IoResult{.error = EINVAL};
  if (file.entry.row == nullptr) {
    if ((file.entry.recorded->mode & kAnyWrite) == 0) return {.error = EIO};
    const Kept kept = keep_written(*file.entry.recorded, read_now(host, file).data, data.substr(0, kPage));
    if (kept.error != 0) return {.error = kept.error};
    host.written_texts[file_key(host, file.directory, file.name)] = kept.text;
    return {.count = std::min(data.size(), kPage)};
  }
  if (file.entry.row->binary) return write_at(host, file, 0, data, caller);
  if (!host.modes.empty() || !host.written_texts.empty()) forget_files_that_went(host);
  Found<Tasks> prepared = prepare_write(host, file, data, caller);
  const std::size_t count = std::min(data.size(), kPage);
  if (prepared.error != 0) return {.error = prepared.error};
  if (prepared.value.empty()) return {.count = count};
  return from_status(host.model.call(std::move(prepared.value)), count);
}

IoResult write_at(Host& host, const File& file, std::uint64_t offset, std::string_view data, Caller caller) {
  if (!file.mode.writing) return {.error = EBADF};
  if (data.empty()) return {};
  if (is_window(file)) {
    const WindowAccess access = access_window(host, file.directory, file.name, offset, data.size());
    return {.error = access.error, .count = access.count};
  }
  if (file.entry.row == nullptr || !file.entry.row->binary) return write_file(host, file, data, caller);
  if (outlived(host, file)) return {.error = ENODEV};
  std::size_t taken = 0;
  const int error = write_binary(host, file.directory, file.name, offset, data, taken);
  return {.error = error, .count = error == 0 ? taken : 0};
}

Found<std::vector<std::string>> list_directory(const Host& host, std::string_view path) {
  const Found<Node> found = directory_at(host, path);
  if (found.error == ENOENT) {
    if (auto names = names_of_links(host, path); !names.empty()) return {0, std::move(names)};
  }
  if (found.error != 0) return {found.error, {}};
  auto names = entry_names(host, found.value);
  const auto more = names_of_links(host, path);  // such as what is built on an interface
  if (more.empty()) return {0, std::move(names)};
  std::vector<std::string> all;
  std::ranges::set_union(names, more, std::back_inserter(all));
  return {0, std::move(all)};
}

Found<std::string> read_link(const Host& host, std::string_view path) {
  const auto& links = host.facts->links;
  const auto beyond = std::ranges::find(links, path, [](const auto& link) -> std::string_view { return link.first; });
  if (beyond != links.end()) return {0, beyond->second};
  // Most are those of a device.
  std::string_view name = path;
  if (const auto device = known_beginning(host, name); device && !name.empty() && !name.contains('/') && name != ".") {
    auto entry = find_entry(host, *device, name);
    if (!entry) return {ENOENT, {}};
    return {entry->kind == Entry::Kind::Link ? 0 : EINVAL, std::move(entry->target)};
  }
  Walked found = walk(host, path);
  if (found.error != 0) return {found.error, {}};
  if (found.is_root) return {EINVAL, {}};
  if (!found.entry) return {ENOENT, {}};
  if (found.entry->kind != Entry::Kind::Link) return {EINVAL, {}};
  return {0, std::move(found.entry->target)};
}

Found<Stat> stat_file(const Host& host, std::string_view path) {
  if (const auto text = plain_file(host, path)) return {0, {kRegularFile | kAnyRead, text->size()}};
  const Walked found = walk(host, path);
  if (found.error != 0) return {found.error, {}};
  if (found.is_root) return {0, {found.directory.place == Place::Sys ? kRootMode : kDirectoryMode, 0}};
  if (!found.entry) return {ENOENT, {}};
  const Entry& entry = *found.entry;
  if (entry.kind == Entry::Kind::CharacterDevice)
    return {0, {mode_changed_from(host, file_key(host, found.directory, found.name), entry.mode), 0}};
  if (entry.node && entry.node->place == Place::DevVfio)
    return {0, {kDirectoryMode, kNodeSize * (2 + entry_names(host, *entry.node).size())}};
  // A kernel's links lead to directories, also to those that nobody has looked into.
  if (entry.kind != Entry::Kind::Attribute) {
    const bool may_be_changed = entry.node && !host.modes.empty();
    return {0,
            {may_be_changed ? mode_changed_from(host, path_of(host, *entry.node), kDirectoryMode) : kDirectoryMode, 0}};
  }
  const unsigned mode = kRegularFile | mode_of(host, found.directory, entry, found.name);
  if (entry.row == nullptr) return {0, {mode, entry.recorded->size}};
  return {0, {mode, entry.row->binary ? binary_size(host, found.directory, found.name) : kPage}};
}

int change_mode(Host& host, std::string_view path, unsigned mode) {
  const Walked found = walk(host, path);
  if (found.error != 0) return found.error;
  if (found.is_root) return 0;
  if (!found.entry) return ENOENT;
  const bool is_directory = found.entry->node.has_value();
  if (found.entry->kind == Entry::Kind::Link && !is_directory) return ENOENT;
  host.modes[is_directory ? path_of(host, *found.entry->node) : file_key(host, found.directory, found.name)] =
      mode & 07777;
  return 0;
}

namespace {

struct ErrnoName {
  int error;
  std::string_view name;
};
constexpr std::array kErrnoNames = {
    ErrnoName{EPERM, "EPERM"},
    ErrnoName{ENOENT, "ENOENT"},
    ErrnoName{EIO, "EIO"},
    ErrnoName{ENXIO, "ENXIO"},
    ErrnoName{E2BIG, "E2BIG"},
    ErrnoName{EBADF, "EBADF"},
    ErrnoName{EAGAIN, "EAGAIN"},
    ErrnoName{ENOMEM, "ENOMEM"},
    ErrnoName{EACCES, "EACCES"},
    ErrnoName{EFAULT, "EFAULT"},
    ErrnoName{EBUSY, "EBUSY"},
    ErrnoName{EEXIST, "EEXIST"},
    ErrnoName{ENODEV, "ENODEV"},
    ErrnoName{ENOTDIR, "ENOTDIR"},
    ErrnoName{EISDIR, "EISDIR"},
    ErrnoName{EINVAL, "EINVAL"},
    ErrnoName{ENOTTY, "ENOTTY"},
    ErrnoName{EFBIG, "EFBIG"},
    ErrnoName{ENOSPC, "ENOSPC"},
    ErrnoName{EROFS, "EROFS"},
    ErrnoName{ERANGE, "ERANGE"},
    ErrnoName{ENOSYS, "ENOSYS"},
    ErrnoName{ELOOP, "ELOOP"},
    ErrnoName{EINTR, "EINTR"},
    ErrnoName{ETIMEDOUT, "ETIMEDOUT"},
    ErrnoName{EOPNOTSUPP, "EOPNOTSUPP"},
    ErrnoName{ENODATA, "ENODATA"},
    ErrnoName{ENOKEY, "ENOKEY"},
    ErrnoName{EKEYREJECTED, "EKEYREJECTED"},
    ErrnoName{ENOEXEC, "ENOEXEC"},
    ErrnoName{EPIPE, "EPIPE"},
    ErrnoName{ENOMSG, "ENOMSG"},
};

}  // namespace

std::string errno_name(int error) {
  if (error == 0) return "ok";
  const auto* found = std::ranges::find(kErrnoNames, error, &ErrnoName::error);
  return found == kErrnoNames.end() ? "E" + std::to_string(error) : std::string(found->name);
}

int errno_of(std::string_view name) {
  const auto* found = std::ranges::find(kErrnoNames, name, &ErrnoName::name);
  return found == kErrnoNames.end() ? 0 : found->error;
}

}  // namespace busproof::fakesys
