#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/policy/suppression_entry.h"

namespace busproof::policy {
namespace {

using Json = nlohmann::ordered_json;

/// Where the parser stops, and why; the rest of its interface takes everything.
struct FirstError : nlohmann::json_sax<Json> {
  std::size_t offset = 0;
  std::string message;

  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t /*value*/) override { return true; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return true; }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
  bool string(string_t& /*value*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return true; }
  bool start_object(std::size_t /*size*/) override { return true; }
  bool key(string_t& /*value*/) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t /*size*/) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string& last_token,
                   const nlohmann::detail::exception& /*error*/) override {
    offset = position == 0 ? 0 : position - 1;
    message = fmt::format("no JSON from '{}' on", last_token);
    return false;
  }
};

}  // namespace

Result<std::vector<Suppression>> read_json(std::string_view text) {
  FirstError error;
  if (!Json::sax_parse(text, &error)) return bad_suppressions(error.message, error.offset);
  const Json json = Json::parse(text);
  if (!json.is_object() || !json.contains("suppress") || json.size() != 1 || !json["suppress"].is_array())
    return bad_suppressions("an object with one list 'suppress' is expected", 0);
  std::vector<Suppression> suppressions;
  for (const Json& element : json["suppress"]) {
    if (!element.is_object()) return bad_suppressions("a suppression is an object", 0);
    SuppressionEntry entry;
    for (const auto& [key, value] : element.items()) {
      if (!value.is_string()) return bad_suppressions(fmt::format("{}: a text is expected", key), 0);
      entry.values.emplace_back(key, value.get<std::string>());
    }
    auto suppression = suppression_of(entry);
    if (!suppression) return std::unexpected(suppression.error());
    suppressions.push_back(*std::move(suppression));
  }
  return suppressions;
}

}  // namespace busproof::policy
