// Random domains, given to busproof and to a live libvirt: both refuse, or both put everything in the same place.
//
//   BUSPROOF_LIBVIRT_URI          whom to ask
//   BUSPROOF_DIFFERENTIAL_CASES   how many domains of x86 machines (300); of others a tenth
//   RC_PARAMS                     RapidCheck's own: "seed=…" replays

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"
#include "tests/libvirt/libvirt_test.h"
#include "verify/domain_generator.h"
#include "verify/libvirt_oracle.h"
#include "verify/placement_compare.h"

namespace busproof {
namespace {

using verify::LibvirtOracle;
using verify::Machines;
using verify::SketchedDomain;

/// What `busproof assign` prints for the XML.
Result<std::string> our_answer(const std::string& xml) {
  const auto document = domain::XmlDocument::parse(xml);
  if (!document) return std::unexpected(document.error());
  auto wish = domain::read_domain(*document);
  if (!wish) return std::unexpected(wish.error());
  const auto assignment = assign::assign(*std::move(wish));
  if (!assignment) return std::unexpected(assignment.error());
  return domain::write_places(*document, assignment->placed);
}

std::string listed(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "  " + line + "\n";
  return text;
}

/// How often both refused, and in the same words; and what was not compared.
class Refusals {
 public:
  void note(const std::string& theirs, const std::string& ours) {
    ++count_;
    if (theirs == ours) return;
    ++differently_;
    if (first_.size() < kShown) first_.push_back(fmt::format("libvirt:  {}\n  busproof: {}", theirs, ours));
  }

  /// Whether libvirt's refusal, of what we place, is about its QEMU and not about places.
  bool excuses(const std::string& theirs) {
    if (!verify::is_about_qemu(theirs)) return false;
    ++excused_[theirs];
    return true;
  }

  /// Whether libvirt had a QEMU for none of them.
  [[nodiscard]] bool asked_in_vain(int cases) const {
    std::size_t unasked = 0;
    for (const auto& [words, count] : excused_)
      if (verify::is_about_missing_qemu(words)) unasked += count;
    return unasked == static_cast<std::size_t>(cases);
  }

  [[nodiscard]] std::string summary() const {
    std::string text = fmt::format("both refused {} domains, {} of them in the same words\n{}", count_,
                                   count_ - differently_, listed(first_));
    for (const auto& [words, count] : excused_)
      text += fmt::format("not compared: {} domains, for libvirt's QEMU: {}\n", count, words);
    return text;
  }

 private:
  static constexpr std::size_t kShown = 5;
  std::size_t count_ = 0, differently_ = 0;
  std::map<std::string, std::size_t> excused_{};
  std::vector<std::string> first_{};
};

/// What is wrong with our answer; empty when nothing is.
std::string disagreement(LibvirtOracle& libvirt, const std::string& xml, Refusals& refusals) {
  const auto theirs = libvirt.answer(xml);
  const auto ours = our_answer(xml);
  if (!theirs && !ours) {
    refusals.note(theirs.error().message, ours.error().message);
    return {};
  }
  if (!theirs && refusals.excuses(theirs.error().message)) return {};
  if (!theirs) return "libvirt refuses: " + theirs.error().message + "\nbusproof places:\n" + *ours;
  if (!ours) return "busproof refuses: " + ours.error().message + "\nlibvirt places:\n" + *theirs;
  const auto found = verify::text_differences(*theirs, *ours);
  if (found.empty()) return {};
  return listed(found) + "libvirt's answer:\n" + *theirs + "busproof's answer:\n" + *ours;
}

class LibvirtDifferential : public LibvirtTest {
 protected:
  void compare(Machines machines, int cases) {
    Refusals refusals;
    const auto property = [&] {
      const SketchedDomain sketch = *domains(machines);
      const std::string wrong = disagreement(libvirt(), to_xml(sketch), refusals);
      if (!wrong.empty()) RC_FAIL(wrong);
    };
    rc::detail::TestParams params = rc::detail::configuration().testParams;
    if (std::getenv("RC_PARAMS") == nullptr) params.maxSuccess = cases;
    std::cout << "seed " << params.seed << ", " << params.maxSuccess << " domains\n";
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    const rc::detail::TestMetadata metadata{fmt::format("{}/{}", test->test_suite_name(), test->name()), test->name()};
    const auto result = rc::detail::checkTestable(property, metadata, params);
    std::ostringstream text;
    rc::detail::printResultMessage(result, text);
    EXPECT_TRUE(result.is<rc::detail::SuccessResult>()) << text.str();
    std::cout << refusals.summary();
    if (refusals.asked_in_vain(params.maxSuccess)) GTEST_SKIP() << "no QEMU here for any of the machines";
  }

  static int wanted_cases() {
    const char* wanted = std::getenv("BUSPROOF_DIFFERENTIAL_CASES");
    return wanted == nullptr ? 300 : std::max(std::atoi(wanted), 1);
  }
};

TEST_F(LibvirtDifferential, PlacesRandomX86DomainsAsLibvirtDoes) { compare(Machines::X86, wanted_cases()); }

TEST_F(LibvirtDifferential, PlacesRandomDomainsOfOtherMachinesAsLibvirtDoes) {
  compare(Machines::NonX86, std::max(wanted_cases() / 10, 1));
}

}  // namespace
}  // namespace busproof
