#include "engine/abi/machine_names.h"

#include <algorithm>
#include <array>

namespace busproof::abi {

bool is_machine_alias(std::string_view machine) {
  constexpr std::array<std::string_view, 5> kAliases = {"pc", "q35", "virt", "pseries", "s390-ccw-virtio"};
  return std::ranges::find(kAliases, machine) != kAliases.end();
}

}  // namespace busproof::abi
