#include "verify/hunts.h"

#include <algorithm>
#include <utility>

#include "verify/domain_hunt.h"
#include "verify/history_hunt.h"
#include "verify/host_hunt.h"

namespace busproof::verify {

std::vector<std::unique_ptr<Hunt>> make_hunts(const HuntSetup& setup) {
  std::vector<std::unique_ptr<Hunt>> hunts;
  const bool any_start = setup.start_xml.empty() && setup.host_model.empty();
  if (any_start) hunts.push_back(make_domain_hunt(setup.laws, setup.oracle));
  if (any_start || !setup.start_xml.empty()) hunts.push_back(make_history_hunt(setup.laws, setup.start_xml));
  if (any_start || !setup.host_model.empty()) hunts.push_back(make_host_hunt(setup.laws, setup.host_model));
  std::erase_if(hunts, [&](const std::unique_ptr<Hunt>& hunt) {
    const auto laws = hunt->laws();
    return std::ranges::none_of(laws, [&](const LawRow& law) { return setup.laws.has(law.name); });
  });
  return hunts;
}

}  // namespace busproof::verify
