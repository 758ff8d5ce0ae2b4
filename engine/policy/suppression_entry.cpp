#include "engine/policy/suppression_entry.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>

#include "engine/abi/rules.h"

namespace busproof::policy {
namespace {

struct Field {
  std::string_view key;
  std::string Suppression::* value;
};
constexpr std::array kFields = {
    Field{"rule", &Suppression::rule},
    Field{"domain", &Suppression::domain},
    Field{"device", &Suppression::device},
    Field{"reason", &Suppression::reason},
};

std::optional<std::chrono::year_month_day> day_of(const std::string& text) {
  tm parts{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%d", &parts);
  if (rest == nullptr || *rest != '\0') return std::nullopt;
  const std::chrono::year_month_day day(std::chrono::year(parts.tm_year + 1900),
                                        std::chrono::month(static_cast<unsigned>(parts.tm_mon + 1)),
                                        std::chrono::day(static_cast<unsigned>(parts.tm_mday)));
  return day.ok() ? std::optional(day) : std::nullopt;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

}  // namespace

Refusal bad_suppressions(std::string message, std::size_t offset, std::string remedy) {
  return Refusal(Error{ErrorKind::Unreadable, "", std::move(message), {}, std::move(remedy), offset});
}

Result<Suppression> suppression_of(const SuppressionEntry& entry) {
  Suppression suppression;
  suppression.offset = entry.offset;
  for (const auto& [key, value] : entry.values) {
    const auto field = std::ranges::find(kFields, key, &Field::key);
    if (field != kFields.end()) {
      suppression.*(field->value) = value;
    } else if (key == "expires") {
      suppression.expires = day_of(value);
      if (!suppression.expires)
        return bad_suppressions(fmt::format("expires: '{}' is no day", value), entry.offset, "write it as 2027-01-31");
    } else {
      return bad_suppressions(fmt::format("unknown key '{}' in a suppression", key), entry.offset,
                              "there are rule, domain, device, reason and expires");
    }
  }
  if (suppression.rule.empty()) return bad_suppressions("a suppression without rule", entry.offset, "name one rule");
  if (abi::find_rule(suppression.rule) == nullptr)
    return bad_suppressions(fmt::format("there is no rule '{}'", suppression.rule), entry.offset,
                            "busproof rules lists them");
  if (is_blank(suppression.reason))
    return bad_suppressions(fmt::format("the suppression of {} gives no reason", suppression.rule), entry.offset,
                            "say why the finding is all right");
  return suppression;
}

}  // namespace busproof::policy
