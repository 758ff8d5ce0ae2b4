#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// What comes of the cases of a campaign.
namespace busproof::verify {

/// A law that did not hold.
struct Breach {
  std::string law;
  std::string words;  ///< what breaks it; lines
};
using Breaches = std::vector<Breach>;

/// What the cases were like, and how often each law was looked at. Sums, so that shards can be added up.
class Tally {
 public:
  using Counts = std::map<std::string, std::uint64_t, std::less<>>;

  void checked(std::string_view law, std::uint64_t times = 1) { add(checked_, law, times); }
  /// One more of that class: "machine", "q35".
  void seen(std::string_view dimension, std::string_view value, std::uint64_t times = 1) {
    auto found = classes_.find(dimension);
    if (found == classes_.end()) found = classes_.emplace(std::string(dimension), Counts{}).first;
    add(found->second, value, times);
  }
  void add(const Tally& other) {
    for (const auto& [law, times] : other.checked_) checked(law, times);
    for (const auto& [dimension, counts] : other.classes_)
      for (const auto& [value, times] : counts) seen(dimension, value, times);
  }

  [[nodiscard]] const Counts& checks() const { return checked_; }
  [[nodiscard]] const std::map<std::string, Counts, std::less<>>& classes() const { return classes_; }
  [[nodiscard]] std::uint64_t count(std::string_view dimension, std::string_view value) const {
    const auto found = classes_.find(dimension);
    if (found == classes_.end()) return 0;
    const auto times = found->second.find(value);
    return times == found->second.end() ? 0 : times->second;
  }

 private:
  static void add(Counts& counts, std::string_view name, std::uint64_t times) {
    const auto found = counts.find(name);
    if (found == counts.end())
      counts.emplace(std::string(name), times);
    else
      found->second += times;
  }

  Counts checked_{};
  std::map<std::string, Counts, std::less<>> classes_{};
};

/// The files that spell a case, by name: what a person reads and `verify --replay` takes.
using CaseFiles = std::map<std::string, std::string>;

}  // namespace busproof::verify
