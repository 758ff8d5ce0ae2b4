#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/assign/assign.h"
#include "engine/domain/domain.h"
#include "verify/change.h"
#include "verify/guest_check.h"

namespace busproof::verify {

/// The machine that a history begins with, or the config of a user.
struct HistoryStart {
  std::string arch = "x86_64", machine = "q35";
  std::uint32_t numa_cells = 0;
  std::string xml{};  ///< the user's config; then nothing else counts
};

/// The domain that a history begins with, every device named ua-1, ua-2 … Errors: as reading and assigning have them.
Result<domain::Domain> first_config(const HistoryStart& start);

/// A guest's config as it changes: after each change libvirt's answer becomes the config, or the change is refused and
/// nothing happens. The laws are looked at after every one.
class GuestHistory {
 public:
  GuestHistory(domain::Domain config, const Looking& looking) : config_(std::move(config)), looking_(looking) {}

  void apply(const Change& change);

  [[nodiscard]] const domain::Domain& config() const { return config_; }
  [[nodiscard]] const Breaches& breaches() const { return breaches_; }
  /// The wish that the last assignment was asked for.
  [[nodiscard]] const domain::Domain& last_wish() const { return wish_; }

 private:
  enum class Settled : std::uint8_t { Refused, Done };
  void edit(const Change& change, domain::Domain& wish);
  void edit_device(const Change& change, domain::Domain& wish, domain::Device& device);
  void add(domain::Domain& wish, std::uint32_t row, std::uint32_t id);
  Settled settle(domain::Domain wish);
  void replace(const Change& change);
  void hot_plug(const Change& change);
  void unplug(const Change& change);
  void save_and_load();
  void lock_and_apply();
  void complain(const LawRow& law, std::string words);
  [[nodiscard]] std::optional<std::size_t> position_of(const domain::Domain& domain, std::uint32_t id) const;

  domain::Domain config_;
  bool is_settled_ = false;  ///< the config came of an assignment of which the laws were looked at
  domain::Domain wish_{};
  std::map<std::uint32_t, std::string> element_of_{};  ///< the XML of what was added, by number
  std::optional<std::string> edited_{};                ///< the XML of the device that is being edited
  Looking looking_;
  Breaches breaches_{};
};

}  // namespace busproof::verify
