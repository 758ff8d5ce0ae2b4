#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "engine/host/inventory.h"
#include "engine/host/kernel.h"
#include "engine/host/trouble.h"

/// The network side of a virtual function: what its card lets it send as. The card's own interface sets it, so that it
/// can be set while a guest's driver has the function.
namespace busproof::host {

struct VfSettings {
  std::string mac;    ///< "52:54:00:12:34:56"; all zeros where the function may choose
  unsigned vlan = 0;  ///< 0: none
  friend bool operator==(const VfSettings&, const VfSettings&) = default;
};

/// A virtual function as its card's interface calls it.
struct VfPlace {
  std::string interface;  ///< of the physical function: "enp10s0f0"
  unsigned index = 0;     ///< the N of virtfnN
  friend auto operator<=>(const VfPlace&, const VfPlace&) = default;
};

/// Reads and writes these settings. Errors are the errno of the system.
class VfNet {
 public:
  VfNet() = default;
  VfNet(const VfNet&) = delete;
  VfNet& operator=(const VfNet&) = delete;
  virtual ~VfNet() = default;
  virtual Answer<VfSettings> get(const VfPlace& place) = 0;
  virtual Answer<void> set_mac(const VfPlace& place, const std::string& mac) = 0;
  virtual Answer<void> set_vlan(const VfPlace& place, unsigned vlan) = 0;
};

/// Those of this machine, by way of the program ip.
class RealVfNet final : public VfNet {
 public:
  explicit RealVfNet(std::string program = "/sbin/ip") : program_(std::move(program)) {}
  Answer<VfSettings> get(const VfPlace& place) override;
  Answer<void> set_mac(const VfPlace& place, const std::string& mac) override;
  Answer<void> set_vlan(const VfPlace& place, unsigned vlan) override;

 private:
  Answer<void> set(const VfPlace& place, const char* what, const std::string& value);

  std::string program_;
  std::chrono::milliseconds deadline_{30'000};
};

/// What "ip -json link show dev INTERFACE" tells of one function; nothing when it does not.
std::optional<VfSettings> vf_settings_of(std::string_view json, unsigned index);

/// Where a virtual function hangs. Errors: NotAssignable, it is no virtual function, or its card shows no interface
/// that is up.
Checked<VfPlace> place_of_vf(Kernel& kernel, const HostAddress& address);

}  // namespace busproof::host
