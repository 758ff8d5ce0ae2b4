#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace busproof::fakesys {

/// A number as kstrtoul(…, 0, …) takes it: "1", "0x1", "01", one newline behind it; no blanks, no minus.
std::optional<std::uint64_t> kernel_unsigned(std::string_view data);
/// The same with a minus allowed.
std::optional<std::int64_t> kernel_signed(std::string_view data);
/// "y", "Y", "1", "on…" and "n", "N", "0", "of…"; what follows does not matter.
std::optional<bool> kernel_bool(std::string_view data);
/// The next hexadecimal number of `data`, as the kernel's sscanf("%x") finds it; takes it off the text.
std::optional<std::uint64_t> scan_hex(std::string_view& data);
/// The decimal digits that the text begins with, as a number; 0 if there are none.
std::uint64_t decimal_prefix(std::string_view data);
/// Without white space at either end.
std::string_view trimmed(std::string_view text);

}  // namespace busproof::fakesys
