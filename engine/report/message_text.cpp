#include "engine/report/message_text.h"

#include <fmt/format.h>

#include "engine/report/device_words.h"

namespace busproof::report {

std::string error_text(std::string_view file, std::string_view text, const Error& error) {
  const auto place = error.offset ? std::optional(domain::place_of(text, *error.offset)) : std::nullopt;
  return error_text(file, place, error);
}

std::string error_text(std::string_view file, const std::optional<domain::TextPlace>& place, const Error& error) {
  std::string line = printable(file);
  if (place) line += fmt::format(":{}:{}", place->line, place->column);
  line += ": error: ";
  if (!error.device.empty()) line += printable(error.device) + ": ";
  line += printable(error.message);
  if (!error.rule.empty()) line += fmt::format(" [{}]", error.rule);
  line += '\n';
  if (!error.remedy.empty()) line += fmt::format("  remedy: {}\n", printable(error.remedy));
  return line;
}

std::string warning_text(std::string_view file, std::string_view message) {
  return fmt::format("{}: warning: {}\n", printable(file), printable(message));
}

std::string note_text(std::string_view file, std::string_view message) {
  return fmt::format("{}: note: {}\n", printable(file), printable(message));
}

}  // namespace busproof::report
