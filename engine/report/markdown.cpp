#include "engine/report/markdown.h"

#include "engine/report/device_words.h"

namespace busproof::report {

std::string escaped_for_markdown(std::string_view text) {
  constexpr std::string_view kSpecial = "\\`*_[]<>|~#&";
  std::string clean;
  for (const char c : printable(text)) {
    if (kSpecial.contains(c)) clean += '\\';
    clean += c;
  }
  return clean;
}

}  // namespace busproof::report
