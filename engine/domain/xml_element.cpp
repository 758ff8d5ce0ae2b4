#include "engine/domain/xml_element.h"

#include <cstddef>
#include <pugixml.hpp>
#include <string_view>

#include "engine/base/utf8.h"

namespace busproof::domain {
namespace {

std::string clean(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t bytes = xml_character_bytes(text);
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
