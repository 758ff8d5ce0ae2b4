#include <algorithm>
#include <map>
#include <optional>
#include <string_view>

#include "engine/base/text.h"
#include "engine/domain/xml_document.h"
#include "engine/domain/xml_tree.h"

namespace busproof::domain {
namespace {

using pugi::xml_node;

/// Of a nodeset such as "1", "0-3" or "0,2" the only node; nothing where there are several.
std::optional<int> only_node(std::string_view nodeset) {
  const auto node = signed_32(nodeset, Radix::Decimal);
  return node && *node >= 0 ? node : std::nullopt;
}

}  // namespace

std::map<int, int> read_memory_nodes(const XmlDocument& document) {
  const xml_node root = document.tree_->document.document_element();
  const xml_node tune = root.child("numatune");
  std::map<int, int> nodes;
  int cells = 0;
  for (const xml_node cell : root.child("cpu").child("numa").children("cell")) cells += cell.empty() ? 0 : 1;
  if (const auto node = only_node(value_of(tune.child("memory"), "nodeset")))
    for (int cell = 0; cell < std::max(cells, 1); ++cell) nodes[cell] = *node;
  for (const xml_node memory : tune.children("memnode")) {
    const auto cell = signed_32(value_of(memory, "cellid"), Radix::Decimal);
    if (!cell) continue;
    const auto node = only_node(value_of(memory, "nodeset"));
    if (node)
      nodes[*cell] = *node;
    else
      nodes.erase(*cell);
  }
  return nodes;
}

}  // namespace busproof::domain
