#include "verify/libvirt_oracle.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace busproof::verify {
namespace {

constexpr std::string_view kNamePrefix = "busproof-oracle-";

// Source: libvirt's public API, stable since libvirt.so.0 exists.
struct ConnectionHandle;
struct DomainHandle;
constexpr unsigned kInactiveXml = 1U << 1U;
constexpr unsigned kUndefineKeepNvram = 1U << 3U;

/// The functions that are called, under their own names.
struct Api {
  ConnectionHandle* (*virConnectOpen)(const char*) = nullptr;
  ConnectionHandle* (*virConnectOpenReadOnly)(const char*) = nullptr;
  int (*virConnectClose)(ConnectionHandle*) = nullptr;
  int (*virConnectGetLibVersion)(ConnectionHandle*, unsigned long*) = nullptr;
  int (*virConnectGetVersion)(ConnectionHandle*, unsigned long*) = nullptr;
  int (*virConnectListAllDomains)(ConnectionHandle*, DomainHandle***, unsigned) = nullptr;
  DomainHandle* (*virDomainDefineXML)(ConnectionHandle*, const char*) = nullptr;
  char* (*virDomainGetXMLDesc)(DomainHandle*, unsigned) = nullptr;
  const char* (*virDomainGetName)(DomainHandle*) = nullptr;
  int (*virDomainUndefineFlags)(DomainHandle*, unsigned) = nullptr;
  int (*virDomainFree)(DomainHandle*) = nullptr;
  int (*virDomainSaveImageDefineXML)(ConnectionHandle*, const char*, const char*, unsigned) = nullptr;
  int (*virEventRegisterDefaultImpl)() = nullptr;
  const char* (*virGetLastErrorMessage)() = nullptr;
  void (*virSetErrorFunc)(void*, void (*)(void*, void*)) = nullptr;
};

template <class Function>
bool find(void* library, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(dlsym(library, name));
  return function != nullptr;
}

Refusal unsupported(std::string message, std::string remedy) {
  return Refusal(Error{ErrorKind::Unsupported, "E001", std::move(message), {}, std::move(remedy), {}});
}

/// Never unloaded: libvirt keeps threads and thread-local data.
Result<Api> load() {
  void* library = dlopen("libvirt.so.0", RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr)
    return unsupported(fmt::format("libvirt cannot be loaded: {}", dlerror()), "install the package libvirt0");
  Api api;
  const bool complete = find(library, "virConnectOpen", api.virConnectOpen) &&
                        find(library, "virConnectOpenReadOnly", api.virConnectOpenReadOnly) &&
                        find(library, "virConnectClose", api.virConnectClose) &&
                        find(library, "virConnectGetLibVersion", api.virConnectGetLibVersion) &&
                        find(library, "virConnectGetVersion", api.virConnectGetVersion) &&
                        find(library, "virConnectListAllDomains", api.virConnectListAllDomains) &&
                        find(library, "virDomainDefineXML", api.virDomainDefineXML) &&
                        find(library, "virDomainGetXMLDesc", api.virDomainGetXMLDesc) &&
                        find(library, "virDomainGetName", api.virDomainGetName) &&
                        find(library, "virDomainUndefineFlags", api.virDomainUndefineFlags) &&
                        find(library, "virDomainFree", api.virDomainFree) &&
                        find(library, "virDomainSaveImageDefineXML", api.virDomainSaveImageDefineXML) &&
                        find(library, "virEventRegisterDefaultImpl", api.virEventRegisterDefaultImpl) &&
                        find(library, "virGetLastErrorMessage", api.virGetLastErrorMessage) &&
                        find(library, "virSetErrorFunc", api.virSetErrorFunc);
  if (!complete) return unsupported(fmt::format("libvirt is incomplete: {}", dlerror()), "install libvirt 9 or newer");
  return api;
}

/// A saved guest, as far as its definition goes; the state of a guest would follow.
/// Source: libvirt 9.0.0 src/qemu/qemu_saveimage.h, struct _virQEMUSaveHeader.
std::string save_image(std::string_view xml) {
  constexpr std::size_t kRoom = std::size_t{256} << 10U;  // for a definition that is to replace it
  constexpr std::uint32_t kVersion = 2;
  constexpr std::size_t kUnusedNumbers = 14;
  std::string image = "LibvirtQemudSave";
  const auto put = [&](std::uint32_t number) { image.append(reinterpret_cast<const char*>(&number), sizeof number); };
  put(kVersion);
  put(static_cast<std::uint32_t>(xml.size() + kRoom));
  for (std::size_t i = 0; i < 3 + kUnusedNumbers; ++i) put(0);  // was running, compression, where the cookie is
  image += xml;
  return image.append(kRoom, '\0');
}

std::string dotted(unsigned long version) {
  return fmt::format("{}.{}.{}", version / 1'000'000, version / 1'000 % 1'000, version % 1'000);
}

/// Whether a domain of that name was left behind by a process that is no more.
bool is_stale(std::string_view name) {
  if (!name.starts_with(kNamePrefix)) return false;
  name.remove_prefix(kNamePrefix.size());
  pid_t pid = 0;
  const auto number = std::from_chars(name.data(), name.data() + name.size(), pid);
  return number.ec == std::errc{} && pid > 0 && kill(pid, 0) != 0 && errno == ESRCH;
}

/// Where an element stands in a text, its tags included.
struct Span {
  std::size_t begin = 0, end = 0;
};

/// Walks over a well-formed document and tells where the children of its root are.
class ChildFinder {
 public:
  explicit ChildFinder(std::string_view xml) : xml_(xml) {}

  std::optional<Span> find(std::string_view name) {
    std::size_t depth = 0;
    std::optional<std::size_t> begin;
    for (std::size_t at = xml_.find('<'); at != std::string_view::npos; at = xml_.find('<', at)) {
      const std::size_t start = at;
      const std::string_view rest = xml_.substr(at);
      at = end_of_markup(rest, at);
      if (rest.starts_with("<!") || rest.starts_with("<?")) continue;
      const bool closes = rest.starts_with("</");
      const bool is_empty = xml_[at - 2] == '/';
      if (closes) --depth;
      if (depth == 1 && is_named(rest.substr(closes ? 2 : 1), name)) {
        if (!closes) begin = start;
        if (closes || is_empty) return Span{*begin, at};
      }
      if (!closes && !is_empty) ++depth;
    }
    return std::nullopt;
  }

 private:
  static bool is_named(std::string_view tag, std::string_view name) {
    return tag.starts_with(name) && std::string_view(" \t\r\n/>").contains(tag[name.size()]);
  }

  std::size_t behind(std::string_view end, std::size_t from) const { return xml_.find(end, from) + end.size(); }

  std::size_t end_of_markup(std::string_view rest, std::size_t at) const {
    if (rest.starts_with("<!--")) return behind("-->", at);
    if (rest.starts_with("<![CDATA[")) return behind("]]>", at);
    if (rest.starts_with("<?")) return behind("?>", at);
    for (char quote = 0; quote != 0 || xml_[at] != '>'; ++at) {
      const char c = xml_[at];
      if (quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
      } else if (c == quote) {
        quote = 0;
      }
    }
    return at + 1;
  }

  std::string_view xml_;
};

}  // namespace

struct LibvirtOracle::Connection {
  explicit Connection(Api functions) : api(functions) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (handle != nullptr) api.virConnectClose(handle);
  }

  /// Undefined when it goes out of scope.
  auto owned(DomainHandle* domain) const {
    const auto undefine = [this](DomainHandle* handle_of) {
      api.virDomainUndefineFlags(handle_of, kUndefineKeepNvram);
      api.virDomainFree(handle_of);
    };
    return std::unique_ptr<DomainHandle, decltype(undefine)>(domain, undefine);
  }

  void undefine_stale() const {
    DomainHandle** domains = nullptr;
    const int count = api.virConnectListAllDomains(handle, &domains, 0);
    const std::unique_ptr<DomainHandle*[], void (*)(void*)> list(domains, std::free);
    for (int i = 0; i < count; ++i) {
      if (is_stale(api.virDomainGetName(domains[i]))) {
        owned(domains[i]);
      } else {
        api.virDomainFree(domains[i]);
      }
    }
  }

  using Opener = ConnectionHandle* (*Api::*)(const char*);
  static Result<std::unique_ptr<Connection>> open(const std::string& uri, Opener opener) {
    auto api = load();
    if (!api) return std::unexpected(api.error());
    api->virSetErrorFunc(nullptr, [](void*, void*) {});
    api->virEventRegisterDefaultImpl();
    auto connection = std::make_unique<Connection>(*api);
    connection->handle = ((*api).*opener)(uri.c_str());
    if (connection->handle == nullptr)
      return unsupported(fmt::format("no libvirt at {}: {}", uri, api->virGetLastErrorMessage()), "start libvirtd");
    return connection;
  }

  std::optional<std::string> inactive_xml(DomainHandle* domain) const {
    const std::unique_ptr<char, decltype(&std::free)> text(api.virDomainGetXMLDesc(domain, kInactiveXml), std::free);
    return text == nullptr ? std::nullopt : std::optional<std::string>(text.get());
  }

  Api api;
  ConnectionHandle* handle = nullptr;
  unsigned long asked = 0;
};

Result<LibvirtOracle> LibvirtOracle::open(const std::string& uri) {
  auto connection = Connection::open(uri, &Api::virConnectOpen);
  if (!connection) return std::unexpected(connection.error());
  (*connection)->undefine_stale();
  return LibvirtOracle(*std::move(connection));
}

Result<std::vector<StoredDomain>> LibvirtOracle::stored(const std::string& uri) {
  const auto connection = Connection::open(uri, &Api::virConnectOpenReadOnly);
  if (!connection) return std::unexpected(connection.error());
  const Api& api = (*connection)->api;
  DomainHandle** domains = nullptr;
  const int count = api.virConnectListAllDomains((*connection)->handle, &domains, 0);
  if (count < 0)
    return unsupported(fmt::format("cannot list the domains at {}: {}", uri, api.virGetLastErrorMessage()), "");
  const std::unique_ptr<DomainHandle*[], void (*)(void*)> list(domains, std::free);
  std::vector<StoredDomain> stored;
  for (int i = 0; i < count; ++i) {
    if (auto xml = (*connection)->inactive_xml(domains[i]))
      stored.push_back({.name = api.virDomainGetName(domains[i]), .xml = *std::move(xml)});
    api.virDomainFree(domains[i]);
  }
  std::ranges::sort(stored, {}, &StoredDomain::name);
  return stored;
}

Result<std::string> LibvirtOracle::answer(std::string_view xml) {
  const Api& api = connection_->api;
  const std::string name = fmt::format("{}{}-{}", kNamePrefix, getpid(), ++connection_->asked);
  const auto domain = connection_->owned(api.virDomainDefineXML(connection_->handle, renamed(xml, name).c_str()));
  if (domain == nullptr) return refused("", api.virGetLastErrorMessage());
  auto text = connection_->inactive_xml(domain.get());
  if (!text) return refused("", api.virGetLastErrorMessage());
  return *std::move(text);
}

Result<void> LibvirtOracle::would_restore(std::string_view before, std::string_view after, const std::string& image) {
  if (!(std::ofstream(image, std::ios::binary) << save_image(before)).flush())
    return unsupported("cannot write " + image, "name a file that can be written");
  const Api& api = connection_->api;
  if (api.virDomainSaveImageDefineXML(connection_->handle, image.c_str(), std::string(after).c_str(), 0) == 0)
    return {};
  return refused("", api.virGetLastErrorMessage());
}

std::string LibvirtOracle::versions() const {
  unsigned long library = 0;
  unsigned long hypervisor = 0;
  connection_->api.virConnectGetLibVersion(connection_->handle, &library);
  connection_->api.virConnectGetVersion(connection_->handle, &hypervisor);
  return fmt::format("libvirt {}, QEMU {}", dotted(library), dotted(hypervisor));
}

LibvirtOracle::LibvirtOracle(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
LibvirtOracle::LibvirtOracle(LibvirtOracle&&) noexcept = default;
LibvirtOracle& LibvirtOracle::operator=(LibvirtOracle&&) noexcept = default;
LibvirtOracle::~LibvirtOracle() = default;

bool is_about_missing_qemu(std::string_view refusal) { return refusal.contains("No emulator found for arch"); }

bool is_about_qemu(std::string_view refusal) {
  constexpr std::array<std::string_view, 9> kWords = {
      "supported by this QEMU binary", "supported in this QEMU binary", "supported with this QEMU binary",
      "supported by this version of",  "This QEMU doesn't support",     "this QEMU binary lacks",
      "supported by QEMU binary",      "does not support video model",  "QEMU binary does not support",
  };
  return is_about_missing_qemu(refusal) ||
         std::ranges::any_of(kWords, [&](std::string_view words) { return refusal.contains(words); });
}

std::string renamed(std::string_view xml, std::string_view name) {
  std::string text(xml);
  if (const auto uuid = ChildFinder(text).find("uuid")) text.erase(uuid->begin, uuid->end - uuid->begin);
  if (const auto old_name = ChildFinder(text).find("name"))
    text.replace(old_name->begin, old_name->end - old_name->begin, fmt::format("<name>{}</name>", name));
  return text;
}

}  // namespace busproof::verify
