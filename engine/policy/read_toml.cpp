#include <fmt/format.h>

#include <algorithm>

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "engine/policy/suppression_entry.h"

namespace busproof::policy {
namespace {

/// Byte offset of a place in the text; toml++ counts lines and columns from 1.
std::size_t offset_of(std::string_view text, const toml::source_position& place) {
  std::size_t line_begin = 0;
  for (toml::source_index line = 1; line < place.line; ++line) {
    const std::size_t end = text.find('\n', line_begin);
    if (end == std::string_view::npos) break;
    line_begin = end + 1;
  }
  return line_begin + (place.column == 0 ? 0 : place.column - 1);
}

std::optional<std::string> word_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* day = node.as_date())
    return fmt::format("{:04}-{:02}-{:02}", day->get().year, day->get().month, day->get().day);
  return std::nullopt;
}

}  // namespace

Result<std::vector<Suppression>> read_toml(std::string_view text) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed)
    return bad_suppressions(std::string(parsed.error().description()), offset_of(text, parsed.error().source().begin));
  std::vector<Suppression> suppressions;
  for (const auto& [key, node] : parsed.table()) {
    const auto* list = key.str() == "suppress" ? node.as_array() : nullptr;
    if (list == nullptr)
      return bad_suppressions(fmt::format("'{}' is not expected here", key.str()), offset_of(text, key.source().begin),
                              "there are only entries [[suppress]]");
    for (const toml::node& element : *list) {
      SuppressionEntry entry{.offset = offset_of(text, element.source().begin)};
      const auto* table = element.as_table();
      if (table == nullptr) return bad_suppressions("a suppression is a table", entry.offset, "write [[suppress]]");
      std::size_t first_key = text.size();
      for (const auto& [name, value] : *table) {
        first_key = std::min(first_key, offset_of(text, name.source().begin));
        auto word = word_of(value);
        if (!word)
          return bad_suppressions(fmt::format("{}: a text is expected", name.str()),
                                  offset_of(text, value.source().begin));
        entry.values.emplace_back(name.str(), *std::move(word));
      }
      if (!table->empty()) entry.offset = first_key;
      auto suppression = suppression_of(entry);
      if (!suppression) return std::unexpected(suppression.error());
      suppressions.push_back(*std::move(suppression));
    }
  }
  return suppressions;
}

}  // namespace busproof::policy
