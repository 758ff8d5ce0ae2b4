#include "engine/domain/xml_element.h"

#include <cstddef>
#include <pugixml.hpp>
#include <string_view>

namespace busproof::domain {
namespace {

/// How many bytes the UTF-8 character at the beginning of the text has; 0 for none that XML may hold.
/// Source: XML 1.0, production Char; RFC 3629.
std::size_t xml_char_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80U) return lead >= 0x20U || lead == '\t' || lead == '\n' || lead == '\r' ? 1 : 0;
  const std::size_t bytes = lead >= 0xF0U ? 4 : lead >= 0xE0U ? 3 : 2;
  if (lead < 0xC2U || lead > 0xF4U || text.size() < bytes) return 0;
  char32_t point = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
    point = point << 6U | (byte(i) & 0x3FU);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  const bool ends_a_plane = point == 0xFFFE || point == 0xFFFF;
  return point < kSmallest[bytes] || point > 0x10FFFF || surrogate || ends_a_plane ? 0 : bytes;
}

std::string clean(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t bytes = xml_char_bytes(text);
    result += bytes == 0 ? std::string_view("?") : text.substr(0, bytes);
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return result;
}

void build(pugi::xml_node node, const XmlElement& element) {
  node.set_name(element.name.c_str());
  for (const auto& [name, value] : element.attributes) node.append_attribute(name.c_str()) = clean(value).c_str();
  if (!element.text.empty()) node.text() = clean(element.text).c_str();
  for (const XmlElement& child : element.children) build(node.append_child(pugi::node_element), child);
}

struct StringWriter : pugi::xml_writer {
  std::string text;
  void write(const void* data, std::size_t size) override { text.append(static_cast<const char*>(data), size); }
};

}  // namespace

std::string document_text(const XmlElement& root) {
  pugi::xml_document document;
  pugi::xml_node declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version") = "1.0";
  declaration.append_attribute("encoding") = "UTF-8";
  build(document.append_child(pugi::node_element), root);
  StringWriter writer;
  document.save(writer, "  ", pugi::format_default, pugi::encoding_utf8);
  return writer.text;
}

}  // namespace busproof::domain
