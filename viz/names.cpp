#include "viz/names.h"

#include <fmt/format.h>

namespace busproof::viz {
namespace {

constexpr std::string_view kKept = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:";

std::string slug_of(std::string_view text) {
  constexpr std::size_t kBytesMax = 64;
  std::string slug;
  for (const char c : text.substr(0, kBytesMax)) {
    if (kKept.find(c) != std::string_view::npos)
      slug += c;
    else if (slug.empty() || slug.back() != '-')
      slug += '-';
  }
  return slug.empty() ? "unnamed" : slug;
}

}  // namespace

std::string Names::make(std::string_view text) {
  const std::string slug = slug_of(text);
  std::string name = slug;
  for (unsigned number = 2; !taken_.insert(name).second; ++number) name = fmt::format("{}~{}", slug, number);
  return name;
}

}  // namespace busproof::viz
