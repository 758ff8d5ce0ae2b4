#pragma once

#include <cstdint>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

/// Texts of parts of the XML that are equal where the parts say the same.
namespace busproof::domain {

/// The words without white space around them.
std::string_view trimmed(std::string_view text);

/// A size with its unit, KiB where there is none; nothing for what is no size. Source: libvirt's formatdomain, "scaled
/// integers": upper and lower case are one.
std::optional<std::uint64_t> size_in_bytes(std::string_view text, std::string_view unit);

/// " name=value" of each attribute, sorted; left out is what the guest has anyway or cannot tell: fallback='allow'.
std::string canonical_attributes(pugi::xml_node element);

/// Each child as text, sorted; elements called `without` are left out.
std::vector<std::string> canonical_parts(pugi::xml_node element, std::string_view without = {});

/// The parts in one text.
std::string canonical_children(pugi::xml_node element, std::string_view without = {});

/// The same with the element's own attributes before them.
std::string canonical_content(pugi::xml_node element, std::string_view without = {});

}  // namespace busproof::domain
