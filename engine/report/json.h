#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/result.h"

/// What the JSON reports have in common. Only their sources include this: programs that use the library need no JSON.
namespace busproof::report {

/// Keys stay in the order in which they are written down.
using Json = nlohmann::ordered_json;

/// Of everything that is printed as JSON: it grows when a field changes its meaning or goes.
inline constexpr int kSchemaVersion = 1;

/// An object written member by member, for what is made by the thousand: nlohmann's braces copy every member, and grow
/// the object under them.
class JsonObject {
 public:
  /// `members`: how many there will be.
  explicit JsonObject(std::size_t members) { members_.reserve(members); }

  /// `key`: none that was added before.
  template <class Value>
  JsonObject& add(const char* key, Value&& value) {
    members_.emplace_back(key, std::forward<Value>(value));
    return *this;
  }
  Json done() { return std::move(members_); }

 private:
  Json::object_t members_;
};

/// null for an empty text.
Json text_or_null(std::string_view text);

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

/// rule, message, device, remedy, line, column; null where there is none. `text` is what the error's offset leads into.
Json error_json(const Error& error, std::string_view text);

/// Indented by two blanks, without a final newline; bytes that are no UTF-8 become U+FFFD.
std::string dumped(const Json& json);

}  // namespace busproof::report
