#pragma once

#include <cstdint>
#include <random>

namespace busproof::verify {

/// Something to choose, as often as its weight is of all weights.
template <class T>
struct Weighted {
  std::uint32_t weight;
  T what;
};

/// A stream of random choices; the same for the same seed on every machine.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}

  /// 0 … n-1, evenly; 0 when n is 0. Spelled out because the library's distributions differ between libraries.
  std::uint32_t below(std::uint32_t n) { return n == 0 ? 0 : static_cast<std::uint32_t>(engine_() % n); }
  std::uint32_t between(std::uint32_t low, std::uint32_t high) { return low + below(high - low + 1); }
  bool percent(std::uint32_t chance) { return below(100) < chance; }
  template <class Range>
  const auto& one_of(const Range& range) {
    return range[below(static_cast<std::uint32_t>(range.size()))];
  }
  template <class Rows, class Fits>
  const auto& weighted(const Rows& rows, Fits fits) {
    std::uint32_t total = 0;
    for (const auto& row : rows) total += fits(row) ? row.weight : 0;
    std::uint32_t left = below(total);
    for (const auto& row : rows) {
      if (!fits(row)) continue;
      if (left < row.weight) return row;
      left -= row.weight;
    }
    return rows[0];
  }
  template <class Rows>
  const auto& weighted(const Rows& rows) {
    return weighted(rows, [](const auto&) { return true; });
  }

 private:
  std::mt19937_64 engine_;
};

/// Another well-mixed number from two: one step of SplitMix64.
constexpr std::uint64_t mixed(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace busproof::verify
