#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "fakesys/faulty_kernel.h"

/// Things done to a fake host one after the other, as a line of text each.
namespace busproof::fakesys {

/// One thing to do:
///
///     read PATH         write PATH VALUE   list PATH      readlink PATH
///     modprobe MODULE   wait MILLISECONDS  reboot         unplug ADDRESS   kill ADDRESS
///
/// A path is relative to /sys. VALUE is the rest of the line, or a JSON string where it has to begin or end with white
/// space: write bus/pci/devices/0000:01:00.0/driver_override "\n". Unplugging takes the card away by surprise; killing
/// leaves it there and answering nothing.
struct Operation {
  std::string verb, what, value;
  friend bool operator==(const Operation&, const Operation&) = default;
};

/// Errors: a verb that there is not, a word too few or too many, a number or an address that is none.
Result<Operation> parse_operation(std::string_view line);
/// Checks what came as words of its own, where the value needs no quotes. Errors: the same.
Result<Operation> checked(Operation operation);
std::string to_text(const Operation& operation);

/// What came of it: an errno, 0 for none, and what a read, a list or a link gave.
struct Done {
  int error = 0;
  bool pending = false;  ///< it had not come back by its deadline, and may happen yet
  std::string text{};
};
Done run(FaultyKernel& kernel, const Operation& operation);

}  // namespace busproof::fakesys
