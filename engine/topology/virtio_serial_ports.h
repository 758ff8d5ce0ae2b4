#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "engine/base/result.h"
#include "engine/domain/address.h"

namespace busproof::topology {

/// The ports of a domain's virtio-serial controllers, as libvirt deals them out. Ports are only ever taken.
class VirtioSerialPorts {
 public:
  /// Of a controller that does not say how many it has.
  static constexpr std::uint32_t kDefaultCount = 31;
  /// Port 0 of a controller is kept for consoles.
  enum class Lowest : std::uint8_t { ForConsoles = 0, ForChannels = 1 };

  void add(std::uint32_t controller, std::uint32_t port_count);

  /// Errors: E317 a controller or port that is not there, or taken.
  Result<void> reserve(const domain::VirtioSerialAddress& address);
  /// The first free port of any controller; nothing when all are full.
  std::optional<domain::VirtioSerialAddress> take_any(Lowest lowest);
  /// A free port of that controller, as channels get it. Errors: E317 it is not there, or full.
  Result<domain::VirtioSerialAddress> take_on(std::uint32_t controller);

 private:
  class Ports {
   public:
    explicit Ports(std::uint32_t count) : count_(count) {}
    [[nodiscard]] bool has(std::uint32_t port) const { return port < count_; }
    [[nodiscard]] bool is_taken(std::uint32_t port) const { return taken_.contains(port); }
    void take(std::uint32_t port) { taken_.insert(port); }
    std::optional<std::uint32_t> take_first_free(Lowest lowest);

   private:
    std::uint32_t count_;
    std::set<std::uint32_t> taken_{};
    std::uint32_t next_for_consoles_ = static_cast<std::uint32_t>(Lowest::ForConsoles);
    std::uint32_t next_for_channels_ = static_cast<std::uint32_t>(Lowest::ForChannels);
  };

  std::map<std::uint32_t, Ports> ports_;
  std::set<std::uint32_t> open_for_consoles_, open_for_channels_;
};

/// Whether the address names its port: libvirt takes port 0 for "not said".
inline bool names_port(const domain::VirtioSerialAddress& address) { return address.port != 0; }

}  // namespace busproof::topology
