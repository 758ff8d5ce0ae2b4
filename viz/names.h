#pragma once

#include <set>
#include <string>
#include <string_view>

namespace busproof::viz {

/// Gives out names for the things of one picture: the ids of its elements.
class Names {
 public:
  /// "interface-52:54:00:aa:bb:cc" for "interface 52:54:00:aa:bb:cc": letters, digits and "-._:" of the text, at most
  /// 64 of them, with a number behind it where the name has been given out before.
  std::string make(std::string_view text);

 private:
  std::set<std::string, std::less<>> taken_;
};

}  // namespace busproof::viz
