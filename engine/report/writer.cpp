#include "engine/report/writer.h"

#include <algorithm>

namespace busproof::report {

const Format* find_format(std::string_view name) {
  const auto format = std::ranges::find(kFormats, name, &Format::name);
  return format == kFormats.end() ? nullptr : format;
}

}  // namespace busproof::report
