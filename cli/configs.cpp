#include "cli/configs.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "cli/files.h"
#include "engine/abi/lint.h"
#include "engine/report/message_text.h"

namespace busproof::cli {

ConfigResult config_of(std::string name, std::string text, Wanted wanted) {
  const auto bad = [&](const Error& error, std::string_view read) {
    return std::unexpected(BadConfig{std::move(name), std::string(read), error});
  };
  // The parser takes the text, and an error's place is worked out from it.
  auto document = domain::XmlDocument::parse(text);
  if (!document) return bad(document.error(), text);
  const bool for_guest = wanted == Wanted::Guest;
  auto wish = domain::read_domain(*document, for_guest ? domain::Details::Read : domain::Details::Skip);
  if (!wish) return bad(wish.error(), document->text());

  std::optional<GuestSide> guest;
  if (for_guest) guest.emplace(abi::Unplaced(*wish));
  auto assignment =
      assign::assign(*std::move(wish), wanted == Wanted::Reasons ? assign::Explain::Yes : assign::Explain::No);
  if (!assignment) return bad(assignment.error(), document->text());
  if (guest) {
    guest->numbered = topology::numbered_buses(assignment->placed.domain());
    guest->snapshot = abi::snapshot(assignment->placed, guest->numbered, guest->unplaced);
  }
  return Config{std::move(name), *std::move(document), *std::move(assignment), std::move(guest)};
}

ConfigResult load_config(const std::string& path, Wanted wanted) {
  std::string name = shown_name(path);
  auto text = read_text(path);
  if (!text) return std::unexpected(BadConfig{std::move(name), "", text.error()});
  return config_of(std::move(name), *std::move(text), wanted);
}

Findings lint_of(const Config& config, const NodeOfCard& cards) {
  const domain::PlacedDomain& placed = config.assignment.placed;
  abi::HostFacts facts;
  if (!cards.empty()) facts = {cards, domain::read_memory_nodes(config.document)};
  Findings findings = abi::lint(placed, config.guest->numbered, facts);
  std::ranges::move(abi::lint_unplaced(placed, config.guest->unplaced), std::back_inserter(findings));
  std::ranges::sort(findings);
  return findings;
}

std::string error_text(const BadConfig& bad) { return report::error_text(bad.name, bad.text, bad.error); }

}  // namespace busproof::cli
