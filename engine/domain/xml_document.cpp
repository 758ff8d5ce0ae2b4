#include "engine/domain/xml_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/domain/xml_tree.h"
#include "engine/domain/xml_well_formed.h"

namespace busproof::domain {
namespace {

/// Comments, CDATA and instructions become nodes too, so that the end of an element can be told from its last child.
constexpr unsigned kParseOptions =
    pugi::parse_default | pugi::parse_comments | pugi::parse_pi | pugi::parse_ws_pcdata_single;

}  // namespace

XmlDocument::XmlDocument(std::unique_ptr<Tree> tree) : tree_(std::move(tree)) {}
XmlDocument::XmlDocument(XmlDocument&&) noexcept = default;
XmlDocument& XmlDocument::operator=(XmlDocument&&) noexcept = default;
XmlDocument::~XmlDocument() = default;

std::string_view XmlDocument::text() const { return tree_->text; }

Result<XmlDocument> XmlDocument::parse(std::string text) {
  if (text.size() > kTextMaxBytes)
    return unreadable("E004", 0, fmt::format("the text is larger than {} MiB", kTextMaxBytes >> 20),
                      "a domain needs some kilobytes; is this the right file?");
  if (auto well_formed = check_well_formed(text); !well_formed) return std::unexpected(std::move(well_formed.error()));

  auto tree = std::make_unique<Tree>();
  tree->text = std::move(text);
  tree->copy = std::make_unique_for_overwrite<char[]>(tree->text.size());
  std::ranges::copy(tree->text, tree->copy.get());
  const pugi::xml_parse_result parsed =
      tree->document.load_buffer_inplace(tree->copy.get(), tree->text.size(), kParseOptions, pugi::encoding_utf8);
  if (!parsed) return unreadable("E001", static_cast<std::size_t>(parsed.offset), parsed.description());
  tree->has_lost_prefixes = resolve_namespaces(tree->text, tree->copy.get(), tree->document);
  return XmlDocument(std::move(tree));
}

TextPlace place_of(std::string_view text, std::size_t offset) { return TextLines(text).place_of(offset); }

TextPlace TextLines::place_of(std::size_t offset) {
  if (begins_.empty()) {
    begins_.push_back(0);
    for (std::size_t end = text_.find('\n'); end != std::string_view::npos; end = text_.find('\n', end + 1))
      begins_.push_back(end + 1);
  }
  const std::size_t at = std::min(offset, text_.size());
  const auto number = static_cast<std::size_t>(std::ranges::upper_bound(begins_, at) - begins_.begin());
  return {number, 1 + at - begins_[number - 1]};
}

}  // namespace busproof::domain
