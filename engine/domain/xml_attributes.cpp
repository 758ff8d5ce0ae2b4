#include "engine/domain/xml_attributes.h"

#include <fmt/format.h>

#include <utility>

#include "engine/domain/xml_tree.h"

namespace busproof::domain {
namespace {

std::string number_remedy(Radix radix) {
  if (radix == Radix::Literal) return "write a decimal number, or a hexadecimal one with 0x; a leading 0 means octal";
  if (radix == Radix::Hexadecimal) return "write a hexadecimal number";
  return "write a decimal number";
}

Refusal malformed(pugi::xml_node element, const char* attribute, const char* expected, Radix radix) {
  return refused_at(element, "E103", invalid_value(element, attribute, expected), number_remedy(radix));
}

}  // namespace

Refusal refused_at(pugi::xml_node element, std::string rule, std::string message, std::string remedy) {
  Refusal refusal = refused(std::move(rule), std::move(message), std::move(remedy));
  refusal.error().offset = offset_of(element);
  return refusal;
}

std::string invalid_value(pugi::xml_node element, const char* attribute, const char* expected) {
  return fmt::format("XML error: Invalid value for attribute '{}' in element '{}': '{}'.{}", attribute, element.name(),
                     value_of(element, attribute), expected);
}

Refusal missing_attribute(pugi::xml_node element, const char* attribute, std::string remedy) {
  return refused_at(
      element, "E115",
      fmt::format("XML error: Missing required attribute '{}' in element '{}'", attribute, element.name()),
      std::move(remedy));
}

Result<std::optional<std::uint32_t>> read_unsigned(pugi::xml_node element, const char* attribute, Radix radix) {
  return read_unsigned(element, element.attribute(attribute), radix);
}

Result<std::optional<std::uint32_t>> read_unsigned(pugi::xml_node element, pugi::xml_attribute attribute, Radix radix) {
  if (!attribute) return std::nullopt;
  const auto number = unsigned_32(attribute.value(), radix);
  if (!number) return malformed(element, attribute.name(), " Expected non-negative integer value", radix);
  return number;
}

Result<std::optional<std::uint32_t>> read_positive(pugi::xml_node element, const char* attribute, Radix radix) {
  auto number = read_unsigned(element, attribute, radix);
  if (number && *number == 0U)
    return refused_at(element, "E115",
                      fmt::format("XML error: Invalid value for attribute '{}' in element '{}': Zero is not permitted",
                                  attribute, element.name()),
                      "count from 1");
  return number;
}

Result<std::optional<std::int32_t>> read_non_negative(pugi::xml_node element, const char* attribute, Radix radix) {
  return read_non_negative(element, element.attribute(attribute), radix);
}

Result<std::optional<std::int32_t>> read_non_negative(pugi::xml_node element, pugi::xml_attribute attribute,
                                                      Radix radix) {
  if (!attribute) return std::nullopt;
  const auto number = signed_32(attribute.value(), radix);
  if (!number) return malformed(element, attribute.name(), " Expected integer value", radix);
  if (*number < 0) return malformed(element, attribute.name(), " Expected non-negative value", radix);
  return number;
}

Result<std::optional<std::uint64_t>> read_unsigned_64(pugi::xml_node element, const char* attribute, Radix radix) {
  const pugi::xml_attribute found = element.attribute(attribute);
  if (!found) return std::nullopt;
  const auto number = unsigned_64(found.value(), radix);
  if (!number) return malformed(element, attribute, " Expected non-negative integer value", radix);
  return number;
}

Result<Switch> read_switch(pugi::xml_node element, pugi::xml_attribute attribute) {
  if (!attribute) return Switch::Absent;
  const std::string_view value = attribute.value();
  if (value == "on") return Switch::On;
  if (value == "off") return Switch::Off;
  return refused_at(element, "E104", invalid_value(element, attribute.name()), "write 'on' or 'off'");
}

}  // namespace busproof::domain
