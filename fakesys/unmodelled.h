#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fakesys/host.h"
#include "fakesys/place.h"

/// Attributes that have no effect on the model, and so are known from the capture alone: which writes they take, and
/// what they read as afterwards.
namespace busproof::fakesys {

/// What became of a write: an errno, or the text that will be read from now on.
struct Kept {
  int error = 0;
  std::string text{};
};

/// Writes `data` to the attribute, which read `before` until now. One that no rule is known for takes anything.
Kept keep_written(const RecordedAttribute& attribute, std::string_view before, std::string_view data);

/// Whether an attribute of a device is a window into the card, "resource0" or "resource4_wc", that read(2) and write(2)
/// get to only where it is of ports.
bool is_window(const Node& directory, std::string_view name);

/// What reading or writing `count` bytes of a window comes to: an errno, and how many bytes it is about. Only one, two
/// or four at a time go through. What ports say is the card's business: here they read as zeros.
struct WindowAccess {
  int error = 0;
  std::size_t count = 0;
};
WindowAccess access_window(const Host& host, const Node& directory, std::string_view name, std::uint64_t offset,
                           std::size_t count);

}  // namespace busproof::fakesys
