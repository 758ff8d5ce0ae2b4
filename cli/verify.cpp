#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/failures.h"
#include "cli/files.h"
#include "cli/format.h"
#include "cli/nearest.h"
#include "cli/parallel.h"
#include "cli/shard.h"
#include "engine/base/text.h"
#include "engine/report/message_text.h"
#include "fakesys/recorded_host.h"
#include "verify/campaign.h"
#include "verify/campaign_report.h"
#include "verify/guest_history.h"
#include "verify/hunts.h"
#include "verify/libvirt_oracle.h"

namespace busproof::cli {
namespace {

namespace fs = std::filesystem;
using Hunts = std::vector<std::unique_ptr<verify::Hunt>>;

struct VerifyOptions {
  std::vector<std::string> properties;
  std::vector<std::string> hunts;
  bool list = false;
  std::uint64_t cases = 10'000, first = 0;
  std::optional<std::uint64_t> seed;
  std::optional<std::uint64_t> seconds;
  std::string oracle, save, replay, start, host_model, shard, format;
  std::size_t jobs = default_jobs();
};

ExitCode list_laws(const Hunts& hunts) {
  std::map<std::string, std::string> sentences, numbers, where;
  for (const auto& hunt : hunts)
    for (const verify::LawRow& law : hunt->laws()) {
      sentences.emplace(law.name, law.words);
      if (!law.number.empty()) numbers.emplace(law.name, fmt::format("{}: ", law.number));
      std::string& names = where[std::string(law.name)];
      names += (names.empty() ? "" : ", ") + std::string(hunt->name());
    }
  constexpr std::size_t kNameColumns = 26;
  std::string text;
  for (const auto& [name, sentence] : sentences)
    text += verify::in_columns(fmt::format("{:<{}}", name, kNameColumns),
                               words_of(fmt::format("{}{} ({})", numbers[name], sentence, where[name])), kNameColumns);
  return finish(text);
}

/// What the named laws and hunts leave; a message when a name is none.
std::optional<std::string> unknown_name(const VerifyOptions& options, const Hunts& all) {
  std::vector<std::string> laws, hunts;
  for (const auto& hunt : all) {
    hunts.emplace_back(hunt->name());
    for (const verify::LawRow& law : hunt->laws()) laws.emplace_back(law.name);
  }
  for (const std::string& name : options.properties)
    if (std::ranges::find(laws, name) == laws.end())
      return fmt::format("no property '{}'; did you mean '{}'?", name, nearest(name, laws));
  for (const std::string& name : options.hunts)
    if (std::ranges::find(hunts, name) == hunts.end())
      return fmt::format("no hunt '{}'; there are {}", name, fmt::join(hunts, ", "));
  return std::nullopt;
}

/// Tells on a terminal how far the campaign is.
class CampaignProgress {
 public:
  explicit CampaignProgress(std::uint64_t cases) : cases_(cases), shown_(::isatty(STDERR_FILENO) == 1) {}

  void tell(const verify::Hunt& hunt, std::uint64_t done) {
    const auto now = std::chrono::steady_clock::now();
    if (hunt.name() != hunt_) {
      hunt_ = hunt.name();
      begin_ = last_ = now;
    }
    using namespace std::chrono_literals;
    if (!shown_ || now - last_ < 200ms) return;
    last_ = now;
    const double seconds = std::chrono::duration<double>(now - begin_).count();
    write_err(fmt::format("\rverify {}: {} of {} cases, {:.0f} a second", hunt_, done, cases_,
                          static_cast<double>(done) / std::max(seconds, 0.001)));
    told_ = true;
  }

  void clear() const {
    if (told_) write_err("\r\x1b[K");
  }

 private:
  std::uint64_t cases_;
  bool shown_, told_ = false;
  std::string hunt_;
  std::chrono::steady_clock::time_point begin_, last_;
};

/// The counterexample as a folder of files: what broke, how to see it again, and the case itself.
Result<void> save(const std::string& folder, const verify::Failure& failure, const std::string& words) {
  const fs::path path = fs::path(folder) / fmt::format("{}-{}-{}", failure.hunt, failure.law, failure.number);
  std::error_code error;
  fs::create_directories(path, error);
  if (error)
    return std::unexpected(Error{ErrorKind::Unreadable, "", "cannot make: " + error.message(), path.string(), {}, {}});
  auto files = failure.example.files;
  files.emplace("law.txt", words);
  for (const auto& [name, text] : files) {
    auto file = Replacement::prepare((path / name).string(), text);
    if (file) {
      if (auto placed = file->take_place(); !placed) return placed;
    } else {
      return std::unexpected(file.error());
    }
  }
  return {};
}

/// The files of a counterexample: of a folder all, of a single file that one under the name that its ending implies.
Result<verify::CaseFiles> read_case(const std::string& path) {
  verify::CaseFiles files;
  if (!is_folder(path)) {
    auto text = read_text(path);
    if (!text) return std::unexpected(text.error());
    const bool is_xml = text->find('<') < text->find_first_not_of(" \t\r\n") + 1;
    // What lies beside it belongs to it: the config or the host that it begins with.
    for (const char* name : {"start.xml", "host.txt", "host.json"})
      if (const fs::path start = fs::path(path).parent_path() / name; !is_xml && fs::exists(start))
        if (auto its = read_text(start.string())) files.emplace(name, std::move(*its));
    const bool is_script = files.contains("host.txt") || files.contains("host.json");
    files.emplace(is_xml ? "in.xml" : is_script ? "script.txt" : "history.txt", std::move(*text));
    return files;
  }
  for (const auto& entry : fs::directory_iterator(path)) {
    auto text = read_text(entry.path().string());
    if (!text) return std::unexpected(text.error());
    files.emplace(entry.path().filename().string(), std::move(*text));
  }
  return files;
}

ExitCode replay(const VerifyOptions& options, const Hunts& hunts) {
  const auto files = read_case(options.replay);
  if (!files) return unusable(options.replay, files.error());
  std::optional<Error> why;
  for (const auto& hunt : hunts) {
    const auto breaches = hunt->replay(*files);
    if (!breaches) {
      why = breaches.error();
      continue;
    }
    std::string text;
    for (const verify::Breach& breach : *breaches) text += fmt::format("BROKEN {}:\n{}", breach.law, breach.words);
    if (breaches->empty()) text = fmt::format("{}: every law of {} held\n", options.replay, hunt->name());
    return finish(text, breaches->empty() ? ExitCode::Done : ExitCode::Refused);
  }
  return unusable(options.replay, why.value_or(Error{ErrorKind::Unreadable, "", "no case", {}, {}, {}}));
}

verify::CampaignPlan plan_of(const VerifyOptions& options, const std::optional<Shard>& shard) {
  verify::CampaignPlan plan;
  plan.seed = options.seed ? *options.seed : std::random_device()();
  plan.first = options.first;
  plan.cases = options.cases;
  if (options.seconds) plan.time = std::chrono::seconds(*options.seconds);
  if (shard) plan.share = {.index = shard->index - 1, .count = shard->count};
  return plan;
}

ExitCode run_campaign(const VerifyOptions& options, const Hunts& hunts, const verify::ReportFacts& facts) {
  const auto shard = chosen_shard(options.shard);
  if (!shard) return misused("verify", shard.error().message);
  const verify::CampaignPlan plan = plan_of(options, *shard);
  if (!options.seed) write_err(fmt::format("busproof verify: seed {}\n", plan.seed));
  CampaignProgress progress(plan.cases / plan.share.count);
  const auto result = verify::run_campaign(
      hunts, plan,
      [&](std::size_t count, const std::function<void(std::size_t)>& work) { for_each(0, count, options.jobs, work); },
      [&](const verify::Hunt& hunt, std::uint64_t done) { progress.tell(hunt, done); });
  progress.clear();
  if (!options.save.empty())
    for (const verify::Failure& failure : result.failures) {
      const std::string words = fmt::format("{}\n{}\n{}\n", failure.law, failure.example.breach.words,
                                            verify::replay_command(result, failure, facts));
      if (auto saved = save(options.save, failure, words); !saved) return unusable(options.save, saved.error());
    }
  std::uint64_t cases = 0;
  for (const verify::HuntResult& hunt : result.hunts) cases += hunt.cases;
  const ExitCode code = !result.failures.empty() ? ExitCode::Refused
                        : cases == 0             ? ExitCode::Unsupported
                                                 : ExitCode::Done;
  return finish(is_json(options.format) ? campaign_json(result, facts) : campaign_text(result, facts), code);
}

/// What a campaign begins with and whom it asks.
struct Setup {
  verify::HuntSetup hunts{};
  verify::ReportFacts facts{.version = BUSPROOF_VERSION};
  std::optional<verify::LibvirtOracle> oracle{};

  /// An option that has to be given again to make the same cases.
  void replayed_with(const std::string& option, const std::string& value) {
    facts.replay += fmt::format("{}{} {}", facts.replay.empty() ? "" : " ", option, value);
  }
};

/// Opens the oracle. Nothing: it answers, or none was named.
std::optional<ExitCode> ask(const std::string& uri, Setup& setup) {
  if (uri.empty() || uri == "reference") return std::nullopt;
  if (!uri.starts_with("libvirt:"))
    return misused("verify", fmt::format("no oracle '{}'; there are reference and libvirt:URI", uri));
  auto opened = verify::LibvirtOracle::open(uri.substr(8));
  if (!opened) return unusable(uri, opened.error());
  setup.hunts.oracle = &setup.oracle.emplace(std::move(*opened));
  setup.facts.oracle = setup.oracle->versions();
  setup.replayed_with("--oracle", uri);
  return std::nullopt;
}

/// Begins with a config of the user's.
std::optional<ExitCode> start_with(const std::string& file, Setup& setup) {
  if (file.empty()) return std::nullopt;
  auto text = read_text(file);
  if (!text) return unusable(shown_name(file), text.error());
  if (const auto config = verify::first_config({.xml = *text}); !config)
    return unusable(shown_name(file), config.error(), *text);
  setup.hunts.start_xml = std::move(*text);
  setup.replayed_with("--start", file);
  return std::nullopt;
}

/// Begins with a host of the user's.
std::optional<ExitCode> happen_to(const std::string& file, Setup& setup) {
  if (file.empty()) return std::nullopt;
  auto text = read_text(file);
  if (!text) return unusable(shown_name(file), text.error());
  if (const auto host = fakesys::load_host(*text); !host) return unusable(shown_name(file), host.error(), *text);
  setup.hunts.host_model = std::move(*text);
  setup.replayed_with("--host-model", file);
  return std::nullopt;
}

ExitCode verify_command(const VerifyOptions& options) {
  if (options.oracle.starts_with("libvirt:") && (!options.start.empty() || !options.host_model.empty()))
    return misused("verify", "--oracle is asked about random domains: it goes with neither --start nor --host-model");
  Setup setup;
  setup.hunts.laws = verify::Selection({options.properties.begin(), options.properties.end()});
  if (const auto code = ask(options.oracle, setup)) return *code;
  if (const auto code = start_with(options.start, setup)) return *code;
  if (const auto code = happen_to(options.host_model, setup)) return *code;
  verify::HuntSetup everything = setup.hunts;
  everything.laws = {};
  if (const auto wrong = unknown_name(options, verify::make_hunts(everything))) return misused("verify", *wrong);
  Hunts hunts = verify::make_hunts(setup.hunts);
  if (!options.hunts.empty())
    std::erase_if(hunts, [&](const auto& hunt) {
      return std::ranges::find(options.hunts, std::string(hunt->name())) == options.hunts.end();
    });
  if (options.list) return list_laws(hunts);
  if (!options.replay.empty()) return replay(options, hunts);
  if (hunts.empty()) return misused("verify", "no hunt looks at that property");
  return run_campaign(options, hunts, setup.facts);
}

}  // namespace

void add_verify(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("verify", "Hunt for a breach of the laws on random domains, histories and hosts");
  command->group("Commands");
  auto options = std::make_shared<VerifyOptions>();
  command->add_option("--property", options->properties, "only these laws; --list names them")->type_name("NAME");
  command->add_option("--hunt", options->hunts, "only domains, histories or hosts")->type_name("NAME");
  command->add_flag("--list", options->list, "say which laws there are, and where they are hunted");
  command->add_option("--cases", options->cases, "so many of each hunt; 10000 by default")
      ->check(CLI::NonNegativeNumber.description(""))
      ->type_name("N");
  command->add_option("--first", options->first, "number of the first case")
      ->check(CLI::NonNegativeNumber.description(""))
      ->type_name("N");
  command->add_option("--time", options->seconds, "end after that time: 90s, 10m, 1h")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, std::uint64_t>{{"s", 1}, {"m", 60}, {"h", 3600}},
                                        CLI::AsNumberWithUnit::CASE_SENSITIVE, ""))
      ->type_name("T");
  command->add_option("--seed", options->seed, "the same cases again; random by default, and told")
      ->check(CLI::NonNegativeNumber.description(""))
      ->type_name("S");
  command->add_option("--jobs", options->jobs, "threads; all cores by default, and no matter for what is found")
      ->check(CLI::Range(1, 1024).description(""))
      ->type_name("N");
  add_shard(*command, options->shard);
  command->add_option("--oracle", options->oracle, "reference (always asked), or libvirt:qemu:///system too")
      ->type_name("WHO");
  command->add_option("--start", options->start, "histories of this domain, and nothing else")->type_name("XML");
  command->add_option("--host-model", options->host_model, "what can happen to this host, and nothing else")
      ->type_name("FILE");
  command->add_option("--save", options->save, "write counterexamples there, a folder each")->type_name("DIR");
  command->add_option("--replay", options->replay, "look at one case: a folder that --save wrote, or a file of it")
      ->type_name("FILE");
  add_format(*command, options->format);
  command->footer(
      "Every law is looked at after every assignment. A law that breaks is shown with the smallest case\n"
      "that could be found and the command that makes it again.\n"
      "Exit code: 0 every law held; 1 a law is broken; 2 wrong usage; 3 nothing was looked at, or the\n"
      "oracle does not answer.\n"
      "\n"
      "Examples:\n"
      "  busproof verify --time 10m --save counterexamples\n"
      "  busproof verify --property idempotent --start web01.xml --cases 1000\n"
      "  busproof verify --replay counterexamples/histories-comes-back-4711");
  command->callback([options, &run] {
    if (options->seconds && options->cases == VerifyOptions{}.cases) options->cases = std::uint64_t{1} << 40U;
    run = [options] { return verify_command(*options); };
  });
}

}  // namespace busproof::cli
