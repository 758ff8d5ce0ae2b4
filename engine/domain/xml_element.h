#pragma once

#include <string>
#include <utility>
#include <vector>

namespace busproof::domain {

/// An element of a document that is ours to write: plain data. Of text and children it has at most one.
struct XmlElement {
  std::string name;
  std::vector<std::pair<std::string, std::string>> attributes{};
  std::string text{};
  std::vector<XmlElement> children{};
};

/// A document with that root: a declaration, two blanks a level, everything escaped, a newline at the end. Characters
/// that no XML may hold, and bytes that are no UTF-8, become '?'.
std::string document_text(const XmlElement& root);

}  // namespace busproof::domain
