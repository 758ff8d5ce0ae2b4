#include "verify/domain_hunt.h"

#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"
#include "verify/domain_generator.h"
#include "verify/guest_check.h"
#include "verify/typed_hunt.h"

namespace busproof::verify {
namespace {

constexpr std::string_view kFileName = "in.xml";
/// Of a hundred domains so many are of x86 machines.
constexpr int kX86Percent = 70;

/// A domain: a sketch while it shrinks, a text when it comes from a file.
struct DomainCase {
  std::optional<SketchedDomain> sketch{};
  std::string text;
};

void append(Breaches& all, Breaches more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

class DomainHunt final : public TypedHunt<DomainCase> {
 public:
  DomainHunt(Selection selection, LibvirtOracle* oracle) : selection_(std::move(selection)), oracle_(oracle) {}

  [[nodiscard]] std::string_view name() const override { return "domains"; }

  [[nodiscard]] std::vector<LawRow> laws() const override {
    auto rows = guest_law_rows();
    rows.push_back(kDiffersNotFromItself);
    if (oracle_ != nullptr) rows.push_back(kAgreesWithLibvirt);
    return rows;
  }

  [[nodiscard]] std::vector<ExpectedClass> expected() const override { return expected_guest_classes(); }

 protected:
  rc::Gen<DomainCase> cases() const override {
    const auto machines =
        rc::gen::weightedElement<Machines>({{kX86Percent, Machines::X86}, {100 - kX86Percent, Machines::NonX86}});
    const auto sketches =
        rc::gen::mapcat(rc::gen::pair(rc::gen::noShrink(machines), rc::gen::noShrink(rc::gen::inRange(0, 100))),
                        [](const auto& choice) { return rc::gen::resize(choice.second, domains(choice.first)); });
    return rc::gen::map(sketches, [](SketchedDomain sketch) {
      DomainCase made{.sketch = std::nullopt, .text = to_xml(sketch)};
      made.sketch = std::move(sketch);
      return made;
    });
  }

  Breaches check(const DomainCase& candidate, Tally& tally) const override {
    const Looking looking{selection_, tally};
    const auto document = domain::XmlDocument::parse(candidate.text);
    if (!document) return look_at_refusal(document.error(), looking);
    auto wish = domain::read_domain(*document);
    Breaches found;
    Result<std::string> answer;
    if (!wish) {
      found = look_at_refusal(wish.error(), looking);
      answer = std::unexpected(wish.error());
    } else {
      answer = look_at(*document, *wish, found, looking);
    }
    if (oracle_ != nullptr && selection_.has(kAgreesWithLibvirt.name)) {
      const std::lock_guard lock(asking_);
      append(found, look_at_libvirt(oracle_->answer(candidate.text), answer, looking));
    }
    return found;
  }

  CaseFiles files_of(const DomainCase& candidate) const override { return {{std::string(kFileName), candidate.text}}; }

  std::size_t size_of(const DomainCase& candidate) const override {
    return candidate.sketch ? candidate.sketch->devices.size() : 0;
  }

  Result<DomainCase> read_case(const CaseFiles& files) const override {
    const auto found = files.find(std::string(kFileName));
    if (found == files.end()) return std::unexpected(Error{ErrorKind::Unreadable, "", "no in.xml", {}, {}, {}});
    return DomainCase{.sketch = std::nullopt, .text = found->second};
  }

 private:
  /// The answer of ours, as text.
  Result<std::string> look_at(const domain::XmlDocument& document, const domain::Domain& wish, Breaches& found,
                              const Looking& looking) const {
    const auto assignment = assign::assign(wish);
    append(found, look_at_reference(wish, assignment, looking));
    if (!assignment) {
      append(found, look_at_refusal(assignment.error(), looking));
      return std::unexpected(assignment.error());
    }
    looking.tally.seen("refused", "no");
    classify(assignment->placed.domain(), looking.tally);
    append(found, look_at_assigned({wish, assignment->placed}, looking));
    std::string text = domain::write_places(document, assignment->placed);
    const auto look_at = [&](const LawRow& law, const auto& violations_of) {
      if (!selection_.has(law.name)) return;
      looking.tally.checked(law.name);
      if (const Violations violations = violations_of(); !violations.empty())
        found.push_back({std::string(law.name), to_string(violations)});
    };
    look_at(kTextKeeps, [&] { return text_keeps_every_place(assignment->placed, text); });
    look_at(kDiffersNotFromItself, [&] { return does_not_differ_from_itself(assignment->placed); });
    return text;
  }

  Selection selection_;
  LibvirtOracle* oracle_;
  mutable std::mutex asking_{};
};

}  // namespace

std::unique_ptr<Hunt> make_domain_hunt(Selection selection, LibvirtOracle* oracle) {
  return std::make_unique<DomainHunt>(std::move(selection), oracle);
}

}  // namespace busproof::verify
