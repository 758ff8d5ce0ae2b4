#pragma once

#include <string_view>

namespace busproof::abi {

/// Whether the machine type is an alias, which every QEMU resolves to the newest version that it has: "pc", "q35",
/// "virt", and not "pc-q35-7.2".
bool is_machine_alias(std::string_view machine);

}  // namespace busproof::abi
