#include "cli/drawings.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "cli/configs.h"
#include "cli/files.h"
#include "cli/host.h"
#include "cli/host_session.h"
#include "engine/abi/diff.h"
#include "engine/host/inventory.h"
#include "engine/host/ledger.h"
#include "engine/report/host_tree_text.h"
#include "engine/report/message_text.h"
#include "engine/report/pci_names.h"
#include "engine/report/tree_text.h"
#include "viz/diff_graph.h"
#include "viz/guest_graph.h"
#include "viz/host_graph.h"

namespace busproof::cli {
namespace {

NoDrawing none(const BadConfig& bad) { return {bad.name, error_text(bad), exit_code(bad.error.kind)}; }

/// The names of pci.ids, where a package of the system has put it.
report::PciNames pci_names() {
  for (const char* path : {"/usr/share/hwdata/pci.ids", "/usr/share/misc/pci.ids"})
    if (const auto text = read_text(path)) return report::PciNames::parse(*text);
  return {};
}

struct LookedAt {
  host::Inventory inventory;
  host::Ledger ledger;
};

Result<LookedAt> look_at_host(const std::string& file) {
  HostOptions options;
  options.model = file;
  options.real = file.empty();
  auto session = HostSession::open(options, HostAccess::Look);
  if (!session) return std::unexpected(session.error());
  const host::Machine machine = session->machine();
  auto inventory = scan_host(machine.kernel);
  if (!inventory) return std::unexpected(inventory.error());
  auto ledger = host::read_ledger(machine.ledger);
  if (ledger) return LookedAt{*std::move(inventory), *std::move(ledger)};
  inventory->warnings.push_back("which guests have what is not known: " + ledger.error().message);
  return LookedAt{*std::move(inventory), {}};
}

}  // namespace

DrawingResult draw_config(const std::string& file, Content content) {
  const auto config = load_config(file, content == Content::Page ? Wanted::Guest : Wanted::Places);
  if (!config) return std::unexpected(none(config.error()));
  const domain::PlacedDomain& placed = config->assignment.placed;
  Drawing drawing{.file = config->name, .name = placed.domain().name, .graph = viz::guest_graph(placed)};
  if (content == Content::Picture) return drawing;
  drawing.findings = lint_of(*config, {});
  drawing.tree = report::tree_text(placed, {});
  return drawing;
}

DrawingResult draw_difference(const std::string& old_file, const std::string& new_file, Content content) {
  const auto before = load_config(old_file, Wanted::Guest), after = load_config(new_file, Wanted::Guest);
  if (!before && !after) {
    NoDrawing both = none(before.error());
    both.message += error_text(after.error());
    both.code = worst(both.code, none(after.error()).code);
    return std::unexpected(std::move(both));
  }
  if (!before || !after) return std::unexpected(none(before ? after.error() : before.error()));
  const abi::AbiSnapshot& was = before->guest->snapshot;
  const abi::AbiSnapshot& is = after->guest->snapshot;
  Drawing drawing{
      .file = fmt::format("{} → {}", before->name, after->name), .name = is.name, .graph = viz::diff_graph(was, is)};
  if (content == Content::Picture) return drawing;
  drawing.findings = abi::diff(was, is);
  drawing.tree = report::tree_text(after->assignment.placed, {});
  return drawing;
}

DrawingResult draw_host(const std::string& file, Content content) {
  const std::string name = file.empty() ? "this host" : shown_name(file);
  const auto host = look_at_host(file);
  if (!host)
    return std::unexpected(NoDrawing{name, report::error_text(name, "", host.error()), exit_code(host.error().kind)});
  const std::string title = file.empty() ? "host" : "host " + std::filesystem::path(name).stem().string();
  Drawing drawing{
      .file = name, .name = name, .graph = viz::host_graph(host->inventory, host->ledger, pci_names(), title)};
  if (content == Content::Page) drawing.tree = report::host_tree_text(host->inventory, name, {});
  return drawing;
}

}  // namespace busproof::cli
