#pragma once

#include <memory>
#include <string>
#include <vector>

#include "verify/hunt.h"
#include "verify/libvirt_oracle.h"

namespace busproof::verify {

/// What a campaign may be given to begin with.
struct HuntSetup {
  Selection laws{};
  std::string start_xml{};          ///< histories begin with this domain, and of domains only they are hunted
  std::string host_model{};         ///< things happen to this host, and only they are hunted
  LibvirtOracle* oracle = nullptr;  ///< asked about every domain; must outlive the hunts
};

/// Every hunt that knows one of the laws, in the order in which a campaign runs them.
std::vector<std::unique_ptr<Hunt>> make_hunts(const HuntSetup& setup);

}  // namespace busproof::verify
