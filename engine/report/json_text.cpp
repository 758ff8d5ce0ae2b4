#include "engine/report/json_text.h"

#include <algorithm>

namespace busproof::report {
namespace {

bool is_plain(char c) { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\'; }

/// Nearly all texts are spelled as they are.
void append_quoted(std::string& written, std::string_view value) {
  if (!std::ranges::all_of(value, is_plain)) {
    written += dumped(Json(value));
    return;
  }
  written += '"';
  written += value;
  written += '"';
}

}  // namespace

void JsonText::break_line() {
  written_ += '\n';
  written_.append(columns_, ' ');
}

/// What comes before a value.
void JsonText::next(std::string_view key) {
  if (!brackets_.empty()) {
    if (!is_empty_) written_ += ',';
    break_line();
  }
  is_empty_ = false;
  if (key.empty()) return;
  written_ += '"';
  written_ += key;
  written_ += "\": ";
}

void JsonText::open(std::string_view key, char bracket) {
  next(key);
  written_ += bracket;
  brackets_ += bracket;
  columns_ += 2;
  is_empty_ = true;
}

void JsonText::close() {
  columns_ -= 2;
  if (!is_empty_) break_line();
  written_ += brackets_.back() == '{' ? '}' : ']';
  brackets_.pop_back();
  is_empty_ = false;
}

void JsonText::text(std::string_view key, std::string_view value) {
  next(key);
  append_quoted(written_, value);
}

void JsonText::text_or_null(std::string_view key, std::string_view value) {
  if (value.empty())
    null(key);
  else
    text(key, value);
}

void JsonText::number(std::string_view key, std::size_t value) {
  next(key);
  written_ += std::to_string(value);
}

void JsonText::null(std::string_view key) {
  next(key);
  written_ += "null";
}

void JsonText::value(std::string_view key, const Json& value) {
  next(key);
  for (const char c : dumped(value))
    if (c == '\n')
      break_line();
    else
      written_ += c;
}

}  // namespace busproof::report
