#pragma once

#include <cstdint>
#include <optional>
#include <pugixml.hpp>
#include <string>

#include "engine/base/result.h"
#include "engine/base/text.h"
#include "engine/domain/address.h"

/// Attributes read as libvirt 9.0.0 reads them, refused in its words. Every refusal carries the offset of the element.
namespace busproof::domain {

/// A refusal that points to the element.
Refusal refused_at(pugi::xml_node element, std::string rule, std::string message, std::string remedy = {});

/// A number of at least 0 that fits 32 bits; nothing when the attribute is missing.
/// Errors: E103 "Expected non-negative integer value".
Result<std::optional<std::uint32_t>> read_unsigned(pugi::xml_node element, const char* attribute, Radix radix);
/// The same of an attribute that has been found, or is null.
Result<std::optional<std::uint32_t>> read_unsigned(pugi::xml_node element, pugi::xml_attribute attribute, Radix radix);

/// The same, and not 0. Errors: E103, E115 "Zero is not permitted".
Result<std::optional<std::uint32_t>> read_positive(pugi::xml_node element, const char* attribute, Radix radix);

/// A number of at least 0 that fits 31 bits. Errors: E103 "Expected integer value", "Expected non-negative value".
Result<std::optional<std::int32_t>> read_non_negative(pugi::xml_node element, const char* attribute, Radix radix);
Result<std::optional<std::int32_t>> read_non_negative(pugi::xml_node element, pugi::xml_attribute attribute,
                                                      Radix radix);

/// A number that fits 64 bits. Errors: E103.
Result<std::optional<std::uint64_t>> read_unsigned_64(pugi::xml_node element, const char* attribute, Radix radix);

/// "on" or "off". Errors: E104.
Result<Switch> read_switch(pugi::xml_node element, pugi::xml_attribute attribute);

/// "Invalid value for attribute 'model' in element 'sound': 'x'.", with what is expected after it.
std::string invalid_value(pugi::xml_node element, const char* attribute, const char* expected = "");

/// "Missing required attribute 'model' in element 'sound'", E115.
Refusal missing_attribute(pugi::xml_node element, const char* attribute, std::string remedy);

}  // namespace busproof::domain
