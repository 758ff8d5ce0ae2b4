#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

/// The guests that are measured.
namespace busproof::bench {

/// A q35 domain with that many NICs, none of which has an address.
std::string q35_with_nics(std::int64_t count);

/// A q35 domain as management software writes it, of about that many bytes: disks, NICs, channels and all that stands
/// around devices. Every third device has lost its address.
std::string q35_server(std::int64_t bytes);

}  // namespace busproof::bench
