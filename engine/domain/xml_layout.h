#pragma once

#include <cstddef>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "engine/domain/xml_markup.h"
#include "engine/domain/xml_tree.h"

/// How a document is laid out, so that what is added looks like what is there.
namespace busproof::domain {

/// The line end and the indentation right before `offset`: "\n    ", "\r\n\t". Empty when something else than blanks
/// stands before it on its line.
std::string_view separator_before(std::string_view text, std::size_t offset);

/// Where the blanks right before `offset` begin.
std::size_t blanks_begin(std::string_view text, std::size_t offset);

/// Where the line goes on after what ends at `offset`: past blanks and comments, when nothing else follows on it.
std::size_t line_rest_end(std::string_view text, std::size_t offset);

/// The quote of the document's first attribute, and the step by which `<devices>` is indented more than `<domain>`, or
/// what is in it more than itself.
MarkupStyle style_of(std::string_view text, const char* copy, pugi::xml_node root);

}  // namespace busproof::domain
