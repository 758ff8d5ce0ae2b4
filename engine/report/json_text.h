#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "engine/report/json.h"

/// JSON written down as it comes, for what there may be many of: the same bytes that dumped() makes of a value, without
/// the value.
namespace busproof::report {

class JsonText {
 public:
  /// `columns`: by how much the line that it begins in is indented.
  explicit JsonText(std::size_t columns) : columns_(columns) {}

  // The keys are string literals that need no escaping; members of arrays have none.
  void open_object(std::string_view key = {}) { open(key, '{'); }
  void open_array(std::string_view key = {}) { open(key, '['); }
  /// Ends what was opened last.
  void close();

  void text(std::string_view key, std::string_view value);
  void text_or_null(std::string_view key, std::string_view value);
  void number(std::string_view key, std::size_t value);
  void null(std::string_view key);
  void value(std::string_view key, const Json& value);

  [[nodiscard]] std::string take() && { return std::move(written_); }

 private:
  void open(std::string_view key, char bracket);
  void next(std::string_view key);
  void break_line();

  std::size_t columns_;
  std::string written_, brackets_;  ///< of what is open
  bool is_empty_ = true;            ///< what was opened last
};

}  // namespace busproof::report
