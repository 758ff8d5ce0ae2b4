#include "engine/domain/xml_tree.h"

#include <utility>

namespace busproof::domain {
namespace {

std::size_t distance(const char* copy, const char* part) { return static_cast<std::size_t>(part - copy); }

/// Begin, start tag, and whether there is no more than that.
ElementSpan start_tag(std::string_view text, const char* copy, pugi::xml_node element) {
  ElementSpan span;
  span.begin = offset_of(element);
  if (const pugi::xml_attribute last = element.last_attribute()) {
    const TextRange value = value_range(text, copy, last);
    span.names_end = value.offset + value.length + 1;
  } else {
    span.names_end = span.begin + 1 + std::string_view(element.name()).size();
  }
  span.open_end = text.find('>', span.names_end) + 1;
  span.is_empty_tag = text[span.open_end - 2] == '/';
  return span;
}

/// The end of a node that is no element. A text ends where the next tag begins.
std::size_t end_of_other(std::string_view text, const char* copy, pugi::xml_node node) {
  switch (node.type()) {
    case pugi::node_comment:
      return text.find("-->", distance(copy, node.value())) + 3;
    case pugi::node_cdata:
      return text.find("]]>", distance(copy, node.value())) + 3;
    case pugi::node_pi:
      return text.find("?>", distance(copy, node.name())) + 2;
    default:
      return text.find('<', distance(copy, node.value()));
  }
}

bool has_end_tag(std::string_view text, const char* copy, pugi::xml_node node) {
  return node.type() == pugi::node_element && !start_tag(text, copy, node).is_empty_tag;
}

/// The node after this one, children first; null after the last one below `top`.
pugi::xml_node next_in_document(pugi::xml_node node, pugi::xml_node top) {
  if (node.first_child()) return node.first_child();
  while (node != top && !node.next_sibling()) node = node.parent();
  return node == top ? pugi::xml_node() : node.next_sibling();
}

/// What the name of a hidden element begins with; that of no other does.
constexpr char kHiddenMark = '\1';

/// A prefix that is declared, `xmlns:qemu`, is part of the names that it goes with.
bool may_open_namespaces(std::string_view text) {
  constexpr std::string_view kDeclaration = "xmlns";
  for (std::size_t at = text.find(kDeclaration); at != std::string_view::npos; at = text.find(kDeclaration, at)) {
    at += kDeclaration.size();
    if (!text.substr(at).starts_with(':')) return true;
  }
  return false;
}

}  // namespace

std::size_t offset_of(pugi::xml_node element) { return static_cast<std::size_t>(element.offset_debug()) - 1; }

TextRange value_range(std::string_view text, const char* copy, pugi::xml_attribute attribute) {
  const std::size_t begin = distance(copy, attribute.value());
  return {begin, text.find(text[begin - 1], begin) - begin};
}

ElementSpan span_of(std::string_view text, const char* copy, pugi::xml_node element) {
  ElementSpan span = start_tag(text, copy, element);
  span.close_begin = span.end = span.open_end;
  if (span.is_empty_tag) return span;

  pugi::xml_node deepest = element;
  while (deepest.last_child() && has_end_tag(text, copy, deepest)) deepest = deepest.last_child();
  std::size_t end = 0;
  if (deepest.type() == pugi::node_element)
    end = start_tag(text, copy, deepest).open_end;
  else
    end = end_of_other(text, copy, deepest);
  for (pugi::xml_node node = deepest;; node = node.parent()) {
    if (has_end_tag(text, copy, node)) {
      span.close_begin = text.find('<', end);
      end = text.find('>', span.close_begin) + 1;
    }
    if (node == element) break;
  }
  span.end = end;
  return span;
}

bool opens_namespace(pugi::xml_node element) { return *element.attribute("xmlns").value() != '\0'; }

void hide_foreign_elements(std::string_view text, char* copy, const pugi::xml_document& document) {
  if (!may_open_namespaces(text)) return;
  const pugi::xml_node root = document.document_element();
  for (pugi::xml_node node = next_in_document(root, root); node; node = next_in_document(node, root))
    if (opens_namespace(node)) copy[distance(copy, node.name())] = kHiddenMark;
}

bool is_hidden(pugi::xml_node element) { return *element.name() == kHiddenMark; }

std::vector<pugi::xml_node> device_elements(const pugi::xml_document& document) {
  std::vector<pugi::xml_node> elements;
  for (const pugi::xml_node devices : document.document_element().children("devices"))
    for (const pugi::xml_node child : devices.children())
      if (child.type() == pugi::node_element && !is_hidden(child)) elements.push_back(child);
  return elements;
}

std::string text_content(pugi::xml_node element) {
  std::string content;
  for (pugi::xml_node node = next_in_document(element, element); node; node = next_in_document(node, element))
    if (node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata) content += node.value();
  return content;
}

std::string_view value_of(pugi::xml_node element, const char* attribute) {
  return element.attribute(attribute).value();
}

std::string_view child_value(pugi::xml_node element, const char* child, const char* attribute) {
  for (const pugi::xml_node candidate : element.children(child))
    if (const pugi::xml_attribute found = candidate.attribute(attribute)) return found.value();
  return {};
}

}  // namespace busproof::domain
