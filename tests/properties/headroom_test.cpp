#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string_view>
#include <utility>

#include "engine/assign/assign.h"
#include "engine/assign/headroom.h"
#include "engine/domain/xml_document.h"
#include "verify/domain_generator.h"

// What headroom promises, hunted for on random domains: so many are accepted, and one more is not.
namespace busproof::assign {
namespace {

domain::PlacedDomain placed(const verify::SketchedDomain& sketch) {
  const auto document = domain::XmlDocument::parse(to_xml(sketch));
  RC_PRE(document.has_value());
  auto wish = read_domain(*document);
  RC_PRE(wish.has_value());
  auto assignment = assign(*std::move(wish));
  RC_PRE(assignment.has_value());
  return std::move(assignment->placed);
}

/// That many cards more, as somebody would write them who leaves their places to libvirt.
bool accepts(const domain::PlacedDomain& placed, std::string_view model, std::uint32_t count) {
  domain::Domain wish = placed.domain();
  for (std::uint32_t i = 0; i < count; ++i) {
    domain::Device card;
    card.kind = domain::DeviceKind::Interface;
    card.type = "user";
    card.model = model;
    card.address = domain::PciAddress{};
    wish.devices.push_back(std::move(card));
  }
  return assign(std::move(wish)).has_value();
}

void is_what_assign_accepts_and_not_one_more() {
  const domain::PlacedDomain domain = placed(*verify::domains(verify::Machines::X86));
  const auto rows = headroom(domain);
  const Room& conventional = rows[static_cast<std::size_t>(PlugClass::Conventional)].cold;
  RC_ASSERT(accepts(domain, "e1000", conventional.count));
  RC_ASSERT(!accepts(domain, "e1000", conventional.count + 1));
  const Room& express = rows[static_cast<std::size_t>(PlugClass::PcieEndpoint)].cold;
  RC_ASSERT(accepts(domain, "virtio", express.count));
  RC_ASSERT(express.limit == PlugLimit::Machine || !accepts(domain, "virtio", express.count + 1));
}

TEST(HeadroomProperty, IsWhatAssignAcceptsAndNotOneMore) {
  rc::detail::TestParams params = rc::detail::configuration().testParams;
  params.maxSuccess = std::min(params.maxSuccess, 20);  // each takes a hundred assignments
  const auto result =
      rc::detail::checkTestable(is_what_assign_accepts_and_not_one_more, rc::detail::TestMetadata{}, params);
  std::ostringstream text;
  rc::detail::printResultMessage(result, text);
  EXPECT_TRUE(result.is<rc::detail::SuccessResult>()) << text.str();
}

}  // namespace
}  // namespace busproof::assign
