#include "viz/render.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/config_paths.h"
#include "cli/drawings.h"
#include "cli/failures.h"
#include "cli/files.h"
#include "cli/parallel.h"
#include "engine/report/message_text.h"
#include "viz/page.h"

namespace busproof::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHtml = "html";
constexpr std::string_view kIndex = "index";  // the page that leads to the others

struct RenderOptions {
  std::vector<std::string> files;
  std::vector<std::string> names;  ///< of the files in an output folder, without ending
  std::vector<std::string> diff;   ///< old, new; or nothing
  bool host = false;
  std::string host_file;  ///< a recorded or made-up host; empty: this one
  std::string output;
  std::string format;
  bool html = false;
  bool dark = false;
  bool open = false;
};

/// What to write: "svg" … "html"; empty where neither an option nor the name of the output says it.
std::string format_of(const RenderOptions& options) {
  if (options.html) return std::string(kHtml);
  if (!options.format.empty()) return options.format;
  std::string ending = fs::path(options.output).extension().string();
  std::ranges::transform(ending, ending.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const std::string format = ending.empty() ? ending : ending.substr(1);
  return format == kHtml || viz::format_named(format) ? format : std::string();
}

bool is_page(const RenderOptions& options) { return format_of(options) == kHtml; }

bool is_folder_name(const std::string& path) { return is_folder(path) || path.ends_with('/'); }

/// In the output folder: "fleet/web01.svg".
std::string target_in_folder(const RenderOptions& options, const std::string& name, std::string_view ending) {
  return (fs::path(options.output) / name).string() + "." + std::string(ending);
}

/// The last parts of a path, without ending: "web01", "rack7-web01".
std::string joined_end(const fs::path& path, std::size_t parts) {
  const fs::path whole = path.lexically_normal().replace_extension();
  std::string name;
  for (auto part = whole.end(); parts > 0 && part != whole.begin(); --parts) {
    --part;
    if (part->has_root_directory() || *part == "..") break;
    name = name.empty() ? part->string() : fmt::format("{}-{}", part->string(), name);
  }
  return name;
}

/// What each file is called in a folder: as it is, or where that is taken, with as many of the folders above as tell
/// them apart; files that nothing tells apart share a name.
std::vector<std::string> names_in_folder(const std::vector<std::string>& files, const std::set<std::string>& taken) {
  std::vector<std::size_t> parts(files.size(), 1);
  std::vector<std::string> names(files.size());
  for (bool grown = true; grown;) {
    std::map<std::string, std::size_t> uses;
    for (const std::string& name : taken) uses[name] = 1;
    for (std::size_t i = 0; i < files.size(); ++i) ++uses[names[i] = joined_end(files[i], parts[i])];
    grown = false;
    for (std::size_t i = 0; i < files.size(); ++i)
      if (uses[names[i]] > 1 && joined_end(files[i], parts[i] + 1) != names[i]) grown = ++parts[i] > 0;
  }
  return names;
}

std::string subject_misuse(const RenderOptions& options) {
  const int subjects = (options.files.empty() ? 0 : 1) + (options.diff.empty() ? 0 : 1) + (options.host ? 1 : 0);
  if (subjects == 0) return "a domain XML is missing; or --host, or --diff OLD NEW";
  if (subjects > 1) return "domain XML, --host and --diff exclude each other";
  if (options.files.empty() && is_folder_name(options.output))
    return "--host and --diff make one picture, not a folder of them";
  if (options.diff == std::vector<std::string>{"-", "-"}) return "only one of the two can be standard input";
  if (options.html && !options.format.empty() && options.format != kHtml)
    return "--html and --format exclude each other";
  return {};
}

std::string output_misuse(const RenderOptions& options) {
  if (options.output.empty()) return "say where to: -o FILE.svg, .png, .pdf, .dot or .html, or -o - with --format";
  if (options.output == "-" && format_of(options).empty()) return "-o - needs --format svg, png, pdf, dot or html";
  if (options.output == "-" && options.open) return "--open needs a file";
  if (is_folder_name(options.output)) return {};
  if (options.files.size() > 1 && !is_page(options)) return "several files need a folder, -o FOLDER/, or --html";
  if (format_of(options).empty())
    return fmt::format("-o {}: what is it to be? Let the name end in .svg, .png, .pdf, .dot or .html, or add --format",
                       options.output);
  return {};
}

std::string folder_misuse(const RenderOptions& options) {
  if (!is_folder_name(options.output)) return {};
  if (std::ranges::count(options.files, "-") > 0) return "-o FOLDER takes files, not standard input";
  std::set<std::string> targets;
  if (is_page(options)) targets.insert(target_in_folder(options, std::string(kIndex), kHtml));
  for (const std::string& name : options.names)
    if (const std::string target = target_in_folder(options, name, format_of(options)); !targets.insert(target).second)
      return fmt::format("-o FOLDER would write two files to {}", target);
  return {};
}

/// What is wrong with the options taken together; empty if all is well.
std::string misuse(const RenderOptions& options) {
  for (const auto check : {subject_misuse, output_misuse, folder_misuse})
    if (std::string why = check(options); !why.empty()) return why;
  return {};
}

ExitCode say(const NoDrawing& none) {
  write_err(none.message);
  return none.code;
}

ExitCode put(const std::string& target, std::string_view bytes) {
  if (target == "-") {
    if (const auto written = write_out(bytes); !written) return unusable("<stdout>", written.error());
    return ExitCode::Done;
  }
  auto replacement = Replacement::prepare(target, bytes);
  if (!replacement) return unusable(target, replacement.error());
  auto done = replacement->sync();
  if (done) done = replacement->take_place();
  if (!done) return unusable(target, done.error());
  sync_folder(replacement->folder());
  return ExitCode::Done;
}

/// Hands the file to the desktop, and does not wait for the viewer to be closed.
ExitCode show(const std::string& file) {
  std::string program = "xdg-open", argument = file;
  std::vector<char*> arguments = {program.data(), argument.data(), nullptr};
  pid_t viewer = 0;
  if (::posix_spawnp(&viewer, program.c_str(), nullptr, nullptr, arguments.data(), environ) != 0)
    return unusable(file, {ErrorKind::Unreadable, "", "written, but cannot be shown: no xdg-open", {}, {}, {}});
  int status = 0;
  ::waitpid(viewer, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return ExitCode::Done;
  return unusable(file, {ErrorKind::Unreadable, "", "written, but cannot be shown: xdg-open failed", {}, {}, {}});
}

class Rendering {
 public:
  explicit Rendering(const RenderOptions& options) : options_(options) {}

  ExitCode run() {
    std::error_code failure;  // what comes of it shows when the files are written
    if (is_folder_name(options_.output)) fs::create_directories(options_.output, failure);
    const ExitCode code = is_page(options_) ? draw_pages() : draw_pictures();
    if (code != ExitCode::Done || !options_.open) return code;
    const std::string index = target_in_folder(options_, std::string(kIndex), kHtml);
    return show(is_folder_name(options_.output) && is_page(options_) ? index : options_.output);
  }

 private:
  [[nodiscard]] std::size_t count() const { return options_.files.empty() ? 1 : options_.files.size(); }

  [[nodiscard]] DrawingResult draw(std::size_t i, Content content) const {
    if (options_.host) return draw_host(options_.host_file, content);
    if (!options_.diff.empty()) return draw_difference(options_.diff[0], options_.diff[1], content);
    return draw_config(options_.files[i], content);
  }

  [[nodiscard]] viz::Theme theme() const { return options_.dark ? viz::Theme::Dark : viz::Theme::Light; }

  static void pass_on(const viz::Picture& picture, const std::string& file) {
    for (const std::string& remark : picture.remarks) write_err(report::note_text(file, remark));
  }

  ExitCode draw_pictures() {
    ExitCode code = ExitCode::Done;
    Progress progress("render", count());
    for (std::size_t i = 0; i < count(); ++i, progress.step()) code = worst(code, draw_picture(i));
    return code;
  }

  ExitCode draw_picture(std::size_t i) {
    const auto drawing = draw(i, Content::Picture);
    if (!drawing) return say(drawing.error());
    const std::string format = format_of(options_).empty() ? "svg" : format_of(options_);
    const auto picture = viz::render(drawing->graph, viz::format_named(format).value_or(viz::Format::Svg), theme());
    if (!picture) return unusable(drawing->file, picture.error());
    pass_on(*picture, drawing->file);
    return put(
        is_folder_name(options_.output) ? target_in_folder(options_, options_.names[i], format) : options_.output,
        picture->bytes);
  }

  struct Entry {
    viz::PageEntry page;
    std::string thumbnail{};  ///< empty: none
    ExitCode code = ExitCode::Done;
  };

  /// What the page shows of one config; where libvirt would refuse it, why.
  Entry entry(std::size_t i) {
    auto drawing = draw(i, Content::Page);
    if (!drawing) {
      const NoDrawing& none = drawing.error();
      write_err(none.message);
      return {.page = {.name = fs::path(none.file).filename().string(), .file = none.file, .error = none.message},
              .code = none.code};
    }
    auto pictures = viz::render_for_index(drawing->graph, theme());
    Entry entry{.page = {.name = std::move(drawing->name),
                         .file = drawing->file,
                         .tree = std::move(drawing->tree),
                         .graph = std::move(drawing->graph),
                         .findings = std::move(drawing->findings)}};
    if (pictures) {
      pass_on(pictures->svg, entry.page.file);
      entry.page.svg = std::move(pictures->svg.bytes);
      entry.thumbnail = std::move(pictures->thumbnail);
    } else {
      entry.page.error = pictures.error().message;
      entry.code = unusable(entry.page.file, pictures.error());
    }
    return entry;
  }

  ExitCode draw_pages() {
    ExitCode code = ExitCode::Done;
    std::vector<viz::PageEntry> entries;
    std::vector<viz::IndexEntry> index;
    Progress progress("render", count());
    for (std::size_t i = 0; i < count(); ++i, progress.step()) {
      Entry drawn = entry(i);
      code = worst(code, drawn.code);
      if (is_folder_name(options_.output))
        index.push_back(put_entry(options_.names[i], drawn, code));
      else
        entries.push_back(std::move(drawn.page));
    }
    const std::string title = entries.size() == 1 ? entries[0].name : fmt::format("{} configs", count());
    if (is_folder_name(options_.output))
      return worst(code, put(target_in_folder(options_, std::string(kIndex), kHtml), viz::index_page(title, index)));
    return worst(code, put_page(options_.output, viz::page(title, entries)));
  }

  static ExitCode put_page(const std::string& target, const Result<std::string>& page) {
    return page ? put(target, *page) : unusable(target, page.error());
  }

  /// A page of its own, with a small picture beside it for the index.
  viz::IndexEntry put_entry(const std::string& name, const Entry& drawn, ExitCode& code) {
    const std::string page = target_in_folder(options_, name, kHtml);
    const std::string picture = target_in_folder(options_, name, "png");
    code = worst(code, put_page(page, viz::page(drawn.page.name, {drawn.page})));
    if (!drawn.thumbnail.empty()) code = worst(code, put(picture, drawn.thumbnail));
    return {.name = drawn.page.name,
            .page = fs::path(page).filename().string(),
            .thumbnail = drawn.thumbnail.empty() ? "" : fs::path(picture).filename().string(),
            .remark = drawn.page.svg.empty() ? "no picture" : viz::count_text(drawn.page.findings)};
  }

  const RenderOptions& options_;
};

ExitCode render(RenderOptions options) {
  std::string why = subject_misuse(options);
  if (why.empty() && !options.files.empty()) {
    auto files = config_files(options.files);
    if (!files) return unusable(files.error().device, files.error());
    options.files = *std::move(files);
    options.names =
        names_in_folder(options.files, is_page(options) ? std::set{std::string(kIndex)} : std::set<std::string>{});
  }
  why = misuse(options);
  return why.empty() ? Rendering(options).run() : misused("render", why);
}

}  // namespace

void add_render(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("render", "Draw a guest's buses, a host, or what two configs differ in");
  command->group("Commands");
  auto options = std::make_shared<RenderOptions>();
  command->add_option("PATH", options->files, "domain XML, or folders of them; - is standard input")->type_name("");
  CLI::Option* host = command->add_option("--host", options->host_file, "this host, or the one that the file records")
                          ->expected(0, 1)
                          ->type_name("[FILE.json]");
  command->add_option("--diff", options->diff, "what the guest of NEW would notice that was that of OLD")
      ->expected(2)
      ->type_name("OLD NEW");
  command->add_option("-o,--output", options->output, "write there; a folder takes several files")->type_name("FILE");
  command->add_option("--format", options->format, "unless the name of the output says it")
      ->check(CLI::IsMember({"svg", "png", "pdf", "dot", "html"}).description(""))
      ->type_name("svg|png|pdf|dot|html");
  command->add_flag("--html", options->html, "a page with picture, findings and tree; in a folder, an index too");
  command->add_flag("--dark", options->dark, "light on dark");
  command->add_flag("--open", options->open, "show what was written");
  command->footer(
      "A domain without all its addresses is drawn as libvirt would complete it. Pages need no network.\n"
      "Exit code: 0 drawn; 1 libvirt would refuse a domain; 2 wrong usage, or a file that cannot be read or\n"
      "written; 3 no picture, say because Graphviz lacks the plugin for it.\n"
      "\n"
      "Examples:\n"
      "  busproof render web01.xml -o web01.svg\n"
      "  busproof render --diff web01.old.xml web01.xml -o web01.diff.svg\n"
      "  busproof render --host -o host.svg\n"
      "  busproof render domains/ --html -o fleet/");
  command->callback([options, host, &run] {
    options->host = host->count() > 0;
    run = [options] { return render(*options); };
  });
}

}  // namespace busproof::cli
