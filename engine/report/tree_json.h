#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/domain/placed_domain.h"

namespace busproof::report {

/// What tree_text() shows, as one JSON object, indented by two blanks, without a final newline. `file` is called as its
/// user calls it. Keys:
///
///     schema_version 1
///     file, name, arch, machine
///     error          null
///     predicted      false where guest bus numbers are not predicted; every guest_… is then null
///     buses[]        by index:
///       index        of the controller
///       model        as the XML spells it
///       parent       index of the bus that its controller sits on; null for a root
///       address      "0000:00:01.0", the controller's; null for a root
///       target       what the XML's <target> says: chassisNr, chassis, port, busNr, index, node, hotplug
///       guest_bus    the number that the guest shows; null: the guest does not have this bus
///       guest_numa_node  of all that sits on the bus; null: none
///       free_slots[]
///       devices[]    by slot and function:
///         name       as in messages: "interface 52:54:00:aa:bb:cc"
///         element, alias, mac, target, model, host_address: null where there is none
///         address, slot, function, multifunction
///         guest_address  "0000:01:00.0"; null: the guest does not have this device
///         makes_bus  index of the bus that the device makes; null: none
///     lost[]         by bus, the topmost only: bus, reason (number-taken, no-function-0, no-acpi, past-255, adrift),
///                    number, taken_by (bus), message
///     advice[]       bus, busNr: taken together they would lose no bus
std::string tree_json(const domain::PlacedDomain& placed, std::string_view file);

/// The same of a domain that has no tree: schema_version, file, and error with rule, message, device, remedy, line and
/// column (null where there is none). `text` is what the error's offset leads into.
std::string tree_json(const Error& error, std::string_view text, std::string_view file);

}  // namespace busproof::report
