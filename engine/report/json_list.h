#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "engine/report/json.h"

/// JSON that is put out piece by piece, so that nobody need hold it all.
namespace busproof::report {

/// The members of an array whose "[" is written and whose "]" will be.
class JsonList {
 public:
  /// `columns`: by how much the line of the array's "[" is indented.
  explicit JsonList(std::size_t columns) : columns_(columns) {}

  /// What comes before the member, and the member.
  std::string add(const Json& member);
  /// What comes before the "]".
  [[nodiscard]] std::string end() const;

 private:
  std::size_t columns_;
  bool is_empty_ = true;
};

/// The text of an object cut in two within its member `"key": []`, between the brackets.
std::pair<std::string, std::string> split_at_list(const Json& object, std::string_view key);

}  // namespace busproof::report
