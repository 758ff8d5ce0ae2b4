#pragma once

#include <nlohmann/json.hpp>

namespace lab {

/// The PCI side of /sys in the format "busproof-sysfs-tree/1", without the members that only the host knows.
nlohmann::json capture();

}  // namespace lab
