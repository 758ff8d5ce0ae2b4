#include "engine/domain/xml_layout.h"

namespace busproof::domain {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

pugi::xml_node first_element(pugi::xml_node parent) {
  return parent.find_child([](pugi::xml_node child) { return child.type() == pugi::node_element; });
}

/// The step from the element's indentation to that of its first child; empty when there is none to see.
std::string_view step_into(std::string_view text, pugi::xml_node element) {
  const pugi::xml_node child = first_element(element);
  if (!child) return {};
  const std::string_view outer = separator_before(text, offset_of(element));
  const std::string_view inner = separator_before(text, offset_of(child));
  // The root has no line end before it when it begins the text, only an indentation of nothing.
  if (outer.empty() && !element.parent().parent()) return inner.substr(inner.find('\n') + 1);
  return inner.starts_with(outer) ? inner.substr(outer.size()) : std::string_view();
}

}  // namespace

std::size_t blanks_begin(std::string_view text, std::size_t offset) {
  while (offset > 0 && is_blank(text[offset - 1])) --offset;
  return offset;
}

std::string_view separator_before(std::string_view text, std::size_t offset) {
  std::size_t line_end = offset;
  do {
    if (line_end == 0 || !is_blank(text[line_end - 1])) return {};
  } while (text[--line_end] != '\n');
  if (line_end > 0 && text[line_end - 1] == '\r') --line_end;
  return text.substr(line_end, offset - line_end);
}

std::size_t line_rest_end(std::string_view text, std::size_t offset) {
  for (std::size_t at = offset; at < text.size();) {
    if (text[at] == '\n' || text[at] == '\r') return blanks_begin(text, at);
    if (text.substr(at).starts_with("<!--")) {
      at = text.find("-->", at + 4) + 3;
    } else if (is_blank(text[at])) {
      ++at;
    } else {
      break;
    }
  }
  return offset;
}

MarkupStyle style_of(std::string_view text, const char* copy, pugi::xml_node root) {
  MarkupStyle style;
  if (const pugi::xml_attribute first = root.first_attribute())
    style.quote = text[value_range(text, copy, first).offset - 1];
  style.unit = step_into(text, root.child("devices"));
  if (style.unit.empty()) style.unit = step_into(text, root);
  if (style.unit.empty()) style.unit = "  ";
  return style;
}

}  // namespace busproof::domain
