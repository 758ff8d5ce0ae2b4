#include "cli/host_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "cli/files.h"
#include "engine/domain/xml_document.h"
#include "engine/report/message_text.h"

namespace busproof::cli {
namespace {

using host::Operation;

/// The words of an option, and what each stands for.
template <class Value>
struct Word {
  const char* word;
  Value value;
};
constexpr std::array kGroups = {
    Word{"strict", host::GroupPolicy::Strict}, Word{"companions", host::GroupPolicy::Companions},
    Word{"stub-companions", host::GroupPolicy::StubCompanions}, Word{"ignore", host::GroupPolicy::Ignore}};
constexpr std::array kVariants = {Word{"best", host::VariantPolicy::Best}, Word{"prefer", host::VariantPolicy::Prefer},
                                  Word{"require", host::VariantPolicy::Require},
                                  Word{"never", host::VariantPolicy::Never}};
constexpr std::array kResets = {Word{"auto", host::ResetPolicy::Auto}, Word{"always", host::ResetPolicy::Always},
                                Word{"never", host::ResetPolicy::Never}};
constexpr std::array kBackends = {Word{"qemu", host::Backend::Qemu}, Word{"xen", host::Backend::Libxl},
                                  Word{"generic", host::Backend::Generic}};
constexpr std::array kProfiles = {Word{"strict", host::Era::Current}, Word{"legacy", host::Era::Legacy}};

template <class Words>
auto value_of(const Words& words, const std::string& word) {
  return std::ranges::find(words, word, [](const auto& each) -> std::string_view { return each.word; })->value;
}

template <class Words>
void add_words(CLI::App& command, const char* name, std::string& value, const Words& words, const std::string& help) {
  std::vector<std::string> names;
  for (const auto& each : words) names.emplace_back(each.word);
  command.add_option(name, value, help)->check(CLI::IsMember(names).description(""))->type_name("WHAT");
}

/// vfio, kvm and xen are kinds of drivers; anything else is a driver by its own name.
void name_driver(const std::string& text, host::DriverWish& wish) {
  const bool is_kind = text == "vfio" || text == "kvm" || text == "xen";
  (is_kind ? wish.name : wish.model) = text;
}

/// Disks of one controller are one wish.
void add_wish(std::vector<host::Wish>& wishes, host::Wish wish, std::optional<std::uint32_t> number) {
  const auto known = std::ranges::find(wishes, wish.address, &host::Wish::address);
  if (number && known != wishes.end() && !known->namespaces.empty()) {
    known->namespaces.insert(*number);
    return;
  }
  if (number) wish.namespaces.insert(*number);
  wishes.push_back(std::move(wish));
}

Refusal unreadable_request(std::string message, std::string remedy) {
  return Refusal(Error{ErrorKind::Unreadable, "host", std::move(message), {}, std::move(remedy)});
}

/// libvirt takes a card out of a network's pool when the guest starts, and the domain does not say which.
void warn_of_networks(const domain::Domain& domain, const std::string& file) {
  for (const domain::Device& device : domain.devices) {
    if (device.kind != domain::DeviceKind::Interface || device.type != "network") continue;
    write_err(report::warning_text(
        shown_name(file), fmt::format("{} is on a network: if that is a pool of virtual functions, which one it gets "
                                      "is chosen when the guest starts, and nothing is prepared for it",
                                      display_name(domain, device))));
  }
}

Result<host::Request> request_of_domain(Operation operation, const RequestOptions& options) {
  if (options.devices.size() != 1) return unreadable_request("one DOMAIN.xml is needed", "- is standard input");
  const auto text = read_text(options.devices[0]);
  if (!text) return std::unexpected(text.error());
  const auto document = domain::XmlDocument::parse(*text);
  if (!document) return std::unexpected(document.error());
  const auto wish = domain::read_domain(*document);
  if (!wish) return std::unexpected(wish.error());
  if (wish->name.empty())
    return unreadable_request("missing name information: the domain has no name", "what it has is kept by its <name>");
  const bool is_xen = wish->virt_type == "xen";
  host::Request request{.operation = operation};
  request.owner = host::Owner{is_xen ? "xen" : "qemu", wish->name};
  for (const domain::Device& device : wish->devices) {
    if (!device.host_address) continue;
    host::Wish each{*device.host_address};
    each.driver.backend = is_xen ? host::Backend::Libxl : host::Backend::Qemu;
    each.driver.name = device.taking.driver_name;
    each.driver.model = device.taking.driver_model;
    each.managed = device.taking.managed;
    if (device.kind == domain::DeviceKind::Interface)
      each.net = host::NetWish{device.mac, domain::vlan_of(*document, device)};
    add_wish(request.devices, std::move(each), device.taking.nvme_namespace);
  }
  if (operation == Operation::Prepare) warn_of_networks(*wish, options.devices[0]);
  // A stop gives back all that the guest has, devices of its groups included.
  if (operation == Operation::Release) request.devices.clear();
  return request;
}

Result<host::Request> request_of_addresses(Operation operation, const RequestOptions& options) {
  host::Request request{.operation = operation};
  for (const std::string& text : options.devices) {
    const auto address = host::HostAddress::parse(text);
    if (!address)
      return unreadable_request(fmt::format("'{}' is no address of a PCI device", text), "write it as 0000:01:00.0");
    host::Wish wish{*address};
    wish.driver.backend = value_of(kBackends, options.backend);
    name_driver(options.driver, wish.driver);
    request.devices.push_back(std::move(wish));
  }
  return request;
}

bool goes_away(Operation operation) { return operation == Operation::Detach || operation == Operation::Prepare; }

}  // namespace

void add_request_options(CLI::App& command, Operation operation, RequestOptions& options) {
  if (operation == Operation::Prepare) {
    command.add_option("DOMAIN", options.devices, "domain XML; - is standard input")->required()->type_name("");
  } else if (operation == Operation::Release) {
    command.add_option("DOMAIN", options.devices, "domain XML; with --owner addresses, or nothing for all")
        ->type_name("");
    command.add_option("--owner", options.owner, "name of the guest, instead of its XML")->type_name("NAME");
  } else {
    command.add_option("DEVICE", options.devices, "address on the host, 0000:01:00.0")->required()->type_name("");
  }
  if (operation == Operation::Detach) {
    command.add_option("--driver", options.driver, "vfio (default), kvm, xen, none, or a driver by its name")
        ->type_name("NAME");
    add_words(command, "--backend", options.backend, kBackends,
              "whose rules choose it: qemu, xen or generic (default)");
  }
  if (goes_away(operation)) {
    add_words(command, "--group", options.group, kGroups,
              "the rest of its group: strict, companions, stub-companions, ignore");
    add_words(command, "--variant", options.variant, kVariants,
              "drivers made for the device: best (default), prefer, require, never");
    add_words(command, "--profile", options.profile, kProfiles, "strict (default), or legacy: kvm is pci-stub");
  }
  if (operation != Operation::Detach && operation != Operation::Reattach)
    add_words(command, "--reset", options.reset, kResets, "auto (default), always, never");
  if (operation == Operation::Reattach)
    command.add_flag("--reprobe", options.reprobe, "let drivers have a device that had none before");
  if (operation != Operation::Release) command.add_flag("--force", options.force, "set refusals aside, and say which");
}

Result<host::Request> read_request(Operation operation, const RequestOptions& options) {
  const bool of_domain = operation == Operation::Prepare || (operation == Operation::Release && options.owner.empty());
  auto request = of_domain ? request_of_domain(operation, options) : request_of_addresses(operation, options);
  if (!request) return request;
  if (!options.owner.empty()) request->owner = host::Owner{"qemu", options.owner};
  for (host::Wish& wish : request->devices) {
    wish.driver.variants = value_of(kVariants, options.variant);
    wish.driver.era = value_of(kProfiles, options.profile);
  }
  request->group = value_of(kGroups, options.group);
  request->reset = value_of(kResets, options.reset);
  request->force = options.force;
  request->reprobe = options.reprobe;
  return request;
}

}  // namespace busproof::cli
