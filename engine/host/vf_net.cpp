#include "engine/host/vf_net.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/base/text.h"
#include "engine/host/program.h"
#include "engine/host/records.h"
#include "engine/host/sysfs_paths.h"

namespace busproof::host {
namespace {

std::unexpected<Trouble> no_place(const HostAddress& address, std::string message, std::string hint) {
  return std::unexpected(Trouble{.code = Code::NotAssignable,
                                 .device = to_string(address),
                                 .message = std::move(message),
                                 .hints = {std::move(hint)}});
}

/// Whether the interface is up, bit 0 of its flags, "0x1003"; one that does not tell counts as up.
bool is_up(Kernel& kernel, const HostAddress& card, const std::string& interface) {
  const auto flags = kernel.read(paths::of_device(card, "net/" + interface + "/flags"));
  return !flags || (unsigned_32(*flags, Radix::Literal).value_or(1) & 1U) != 0;
}

}  // namespace

std::optional<VfSettings> vf_settings_of(std::string_view json, unsigned index) {
  const Json links = Json::parse(json, nullptr, false);
  if (!links.is_array() || links.empty() || !links[0].is_object()) return std::nullopt;
  const auto functions = links[0].find("vfinfo_list");
  if (functions == links[0].end() || !functions->is_array()) return std::nullopt;
  for (const Json& each : *functions) {
    if (!each.is_object() || !each.contains("vf") || each["vf"] != index) continue;
    VfSettings settings;
    // Up to iproute2 5.0 the address was called "mac".
    for (const char* name : {"address", "mac"})
      if (each.contains(name) && each[name].is_string()) settings.mac = each[name].get<std::string>();
    const auto vlans = each.find("vlan_list");
    if (vlans != each.end() && vlans->is_array() && !vlans->empty() && (*vlans)[0].is_object() &&
        (*vlans)[0].contains("vlan") && (*vlans)[0]["vlan"].is_number_unsigned())
      settings.vlan = (*vlans)[0]["vlan"].get<unsigned>();
    if (settings.mac.empty()) return std::nullopt;
    return settings;
  }
  return std::nullopt;
}

Answer<VfSettings> RealVfNet::get(const VfPlace& place) {
  const auto shown = run_program(program_, {"-json", "link", "show", "dev", place.interface}, STDOUT_FILENO, deadline_);
  if (!shown) return std::unexpected(shown.error());
  if (!WIFEXITED(shown->status) || WEXITSTATUS(shown->status) != 0) return std::unexpected(Failure{ENODEV});
  auto settings = vf_settings_of(shown->text, place.index);
  if (!settings) return std::unexpected(Failure{ENODATA});
  return *std::move(settings);
}

Answer<void> RealVfNet::set(const VfPlace& place, const char* what, const std::string& value) {
  const auto done =
      run_program(program_, {"link", "set", "dev", place.interface, "vf", std::to_string(place.index), what, value},
                  STDERR_FILENO, deadline_);
  if (!done) return std::unexpected(done.error());
  if (WIFEXITED(done->status) && WEXITSTATUS(done->status) == 0) return {};
  return std::unexpected(Failure{done->text.contains("Operation not permitted") ? EPERM : EINVAL});
}

Answer<void> RealVfNet::set_mac(const VfPlace& place, const std::string& mac) { return set(place, "mac", mac); }
Answer<void> RealVfNet::set_vlan(const VfPlace& place, unsigned vlan) {
  return set(place, "vlan", std::to_string(vlan));
}

Checked<VfPlace> place_of_vf(Kernel& kernel, const HostAddress& address) {
  const auto physical = link_name(kernel, paths::of_device(address, "physfn"));
  const auto card = physical ? HostAddress::parse(*physical) : std::unexpected(Error{});
  if (!card) {
    return no_place(address, "an interface of a guest must be a virtual function of a network card, and this is none",
                    "give a whole card to a guest as a <hostdev>");
  }
  const auto names = kernel.list(paths::device(*card)).value_or(std::vector<std::string>());
  const auto interfaces = kernel.list(paths::of_device(*card, "net")).value_or(std::vector<std::string>());
  const auto up = std::ranges::find_if(interfaces, [&](const std::string& name) { return is_up(kernel, *card, name); });
  if (up == interfaces.end()) {
    return no_place(address, fmt::format("its card {} shows no network interface that is up", to_string(*card)),
                    fmt::format("'ip link set {} up' brings it up", interfaces.empty() ? "NAME" : interfaces.front()));
  }
  constexpr std::string_view kPrefix = "virtfn";
  for (const std::string& name : names) {
    if (!name.starts_with(kPrefix) || link_name(kernel, paths::of_device(*card, name)) != to_string(address)) continue;
    if (const auto index = unsigned_32(std::string_view(name).substr(kPrefix.size()), Radix::Decimal))
      return VfPlace{*up, *index};
  }
  return no_place(address, fmt::format("its card {} does not number it", to_string(*card)), "look at its virtfn links");
}

}  // namespace busproof::host
