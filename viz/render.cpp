#include "viz/render.h"

#include <fmt/format.h>
#include <graphviz/cgraph.h>
#include <graphviz/gvc.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <utility>

#include "viz/arrangement.h"
#include "viz/markup.h"
#include "viz/parts.h"
#include "viz/png_device.h"

namespace busproof::viz {
namespace {

// Graphviz keeps much of its state in globals, its errors included.
std::mutex graphviz_mutex;

std::string& heard() {
  static std::string text;
  return text;
}

int hear(char* text) {
  heard() += text;
  return 0;
}

/// Collects what Graphviz would print on stderr while it lives.
class Listener {
 public:
  Listener() : before_(agseterrf(hear)) { heard().clear(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { agseterrf(before_); }

  [[nodiscard]] static std::vector<std::string> lines() {
    std::vector<std::string> lines;
    const std::string_view text = heard();
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      if (end > at) lines.emplace_back(text.substr(at, end - at));
      at = end + 1;
    }
    return lines;
  }

 private:
  agusererrf before_;
};

int append(void* sink, const char* text) {
  *static_cast<std::string*>(sink) += text;
  return 0;
}
int flush_nothing(void*) { return 0; }

/// cgraph's own way of numbering things goes by the addresses of their names, and what is drawn first by the numbers:
/// the order of boxes would be chance. These count. They keep the names too: of those that cgraph would keep for them,
/// it frees none once its first subgraph is closed. Source: Graphviz 2.42 lib/cgraph/graph.c, agclose().
class Ids {
 public:
  static Agiddisc_t* discipline() {
    static Agiddisc_t counted{open, map, take, drop, print, close, note};
    return &counted;
  }

 private:
  using Key = std::pair<int, std::string>;

  explicit Ids(Agraph_t* graph) : graph_(graph) {}

  static Ids& of(void* state) { return *static_cast<Ids*>(state); }
  static void* open(Agraph_t* graph, Agdisc_t*) { return new Ids(graph); }
  static void close(void* state) { delete &of(state); }

  static long map(void* state, int kind, char* name, IDTYPE* id, int is_new) {
    Ids& ids = of(state);
    if (name != nullptr) {
      if (const auto known = ids.numbers_.find({kind, name}); known != ids.numbers_.end()) {
        *id = known->second;
        return 1;
      }
    }
    if (is_new == 0) return 0;
    *id = ++ids.last_;
    if (name == nullptr) return 1;
    ids.numbers_[{kind, name}] = *id;
    ids.names_[{kind, *id}] = agstrdup(ids.graph_, name);
    return 1;
  }

  static void drop(void* state, int kind, IDTYPE id) {
    Ids& ids = of(state);
    const auto name = ids.names_.find({kind, id});
    if (name == ids.names_.end()) return;
    ids.numbers_.erase({kind, name->second});
    agstrfree(ids.graph_, name->second);
    ids.names_.erase(name);
  }

  static char* print(void* state, int kind, IDTYPE id) {
    const auto name = of(state).names_.find({kind, id});
    return name == of(state).names_.end() ? nullptr : name->second;
  }

  static long take(void*, int, IDTYPE) { return 0; }
  static void note(void*, int, void*) {}

  Agraph_t* graph_;
  IDTYPE last_ = 0;
  std::map<Key, IDTYPE> numbers_;
  std::map<std::pair<int, IDTYPE>, char*> names_;  ///< strings of the graph's
};

/// A Graph as cgraph has it.
class Built {
 public:
  Built(const Graph& graph, Theme theme)
      : theme_(theme), plan_(arrange(graph)), disc_{&AgMemDisc, Ids::discipline(), &io_} {
    std::string name = "busproof";
    root_ = agopen(name.data(), Agdirected, &disc_);
    set_defaults();
    set_html(root_, "label", heading_of(graph, theme));
    add_boxes(graph);
    for (const std::size_t i : plan_.order) add_node(graph.nodes[i], plan_.nodes[i]);
    for (std::size_t i = 0; i < graph.edges.size(); ++i) add_edge(graph.edges[i], plan_.edges[i]);
    for (const Guide& guide : plan_.guides)
      add_guide(ends_.at(graph.nodes[guide.above].heading.name), ends_.at(graph.nodes[guide.below].heading.name));
  }
  Built(const Built&) = delete;
  Built& operator=(const Built&) = delete;
  ~Built() { agclose(root_); }

  [[nodiscard]] Agraph_t* root() const { return root_; }

  [[nodiscard]] std::string text() const {
    std::string text;
    agwrite(root_, &text);
    return text;
  }

 private:
  /// Where edges touch a cell.
  struct End {
    Agnode_t* node = nullptr;
    std::string left, right;  ///< ports
    std::size_t column = 0;
  };

  // By name: Graphviz 2.42 copies edges that lie within a column into a graph of its own, where it declares attributes
  // in that order and looks them up by their number in this one.
  void set_defaults() {
    const std::string background(kBackgrounds[static_cast<std::size_t>(theme_)]);
    const std::string text(paint_of(Look::Plain, theme_).text);
    for (const auto& [name, value] : std::map<std::string, std::string>{{"bgcolor", background},
                                                                        {"charset", "UTF-8"},
                                                                        {"fontcolor", text},
                                                                        {"fontname", "Arial"},
                                                                        {"fontsize", "11"},
                                                                        {"label", ""},
                                                                        {"labeljust", "l"},
                                                                        {"labelloc", "t"},
                                                                        {"nodesep", fmt::format("{}", kNodeGapInches)},
                                                                        {"outputorder", "edgesfirst"},
                                                                        {"pad", "0.2"},
                                                                        {"rankdir", "LR"},
                                                                        {"ranksep", fmt::format("{}", plan_.gap)}})
      set_default(AGRAPH, name, value);
    for (const auto& [name, value] : std::map<std::string, std::string>{
             {"fontname", "Arial"}, {"fontsize", "11"}, {"id", ""}, {"label", ""}, {"shape", "plain"}})
      set_default(AGNODE, name, value);
    for (const auto& [name, value] : std::map<std::string, std::string>{{"arrowhead", "none"},
                                                                        {"arrowsize", "0.8"},
                                                                        {"arrowtail", "none"},
                                                                        {"color", "#000000"},
                                                                        {"constraint", "true"},
                                                                        {"dir", "forward"},
                                                                        {"headport", ""},
                                                                        {"id", ""},
                                                                        {"minlen", "1"},
                                                                        {"penwidth", "1"},
                                                                        {"style", "solid"},
                                                                        {"tailport", ""},
                                                                        {"tooltip", ""}})
      set_default(AGEDGE, name, value);
  }

  void set_default(int kind, std::string name, std::string value) const {
    agattr(root_, kind, name.data(), value.data());
  }

  static void set(void* object, std::string name, std::string value) {
    std::string none;
    agsafeset(object, name.data(), value.data(), none.data());
  }

  void set_html(void* object, std::string name, std::string markup) const {
    char* text = agstrdup_html(root_, markup.data());
    std::string none;
    agsafeset(object, name.data(), text, none.data());
    agstrfree(root_, text);
  }

  void add_boxes(const Graph& graph) {
    for (const Box& box : graph.boxes) {
      std::string name = "cluster_" + box.name;
      Agraph_t* cluster = agsubg(box.within ? boxes_[*box.within] : root_, name.data(), 1);
      const LookRule& rule = rule_of(box.look);
      const Paint& paint = paint_of(box.look, theme_);
      const auto& tints = kTints[static_cast<std::size_t>(theme_)];
      const std::string_view fill = box.tint                     ? tints[*box.tint % tints.size()]
                                    : box.look == Look::Unviable ? paint.fill
                                                                 : std::string_view();
      set(cluster, "id", box.name);
      set_html(cluster, "label", label_of(box, theme_));
      set(cluster, "tooltip", escaped(shown_tooltip(box.tooltip.empty() ? box.label : box.tooltip)));
      set(cluster, "color", std::string(paint.line));
      set(cluster, "penwidth", std::string(rule.pen_width));
      set(cluster, "style", std::string(rule.style) + (fill.empty() ? "" : ",filled"));
      set(cluster, "fillcolor", std::string(fill));
      boxes_.push_back(cluster);
    }
  }

  void add_node(const Node& node, const NodePlan& plan) {
    std::string name = node.heading.name;
    Agnode_t* drawn = agnode(node.box ? boxes_[*node.box] : root_, name.data(), 1);
    set(drawn, "id", node.heading.name);
    set_html(drawn, "label", label_of(node, plan, plan_.text, theme_));
    ends_[node.heading.name] = {drawn, "h:w", "h:e", plan.column};
    std::size_t number = 0;
    for (const Row& row : node.rows) {
      for (const Cell& cell : row.cells) {
        ends_[cell.name] = {drawn, plan.flat ? "h:w" : fmt::format("w{}:w", number), fmt::format("c{}:e", number),
                            plan.column};
        ++number;
      }
    }
  }

  /// Links run from left to right, and so do arrows, unless they lead back, or to a place above or below their own. A
  /// link that turns is an edge from left to right too, with its arrow at the beginning: it is one more to be laid out
  /// between columns, and goes where there is room.
  void add_edge(const Edge& edge, const EdgePlan& plan) {
    const End& from = ends_.at(edge.from);
    const End& to = ends_.at(edge.to);
    const bool is_below = edge.kind == EdgeKind::Onward && plan.span == 0;
    const std::string from_port = is_below ? "s" : from.column > to.column ? from.left : from.right;
    const std::string to_port = is_below ? "n" : from.column < to.column ? to.left : to.right;
    Agedge_t* drawn = agedge(root_, plan.turns ? to.node : from.node, plan.turns ? from.node : to.node, nullptr, 1);
    const LookRule& rule = rule_of(edge.look);
    const bool arrow = edge.kind == EdgeKind::Arrow;
    set(drawn, "id", "edge-" + edge.to);
    set(drawn, "tailport", plan.turns ? to_port : from_port);
    set(drawn, "headport", plan.turns ? from_port : to_port);
    set(drawn, "color", std::string(paint_of(edge.look, theme_).line));
    set(drawn, "style", std::string(rule.style));
    set(drawn, "penwidth", std::string(rule.pen_width));
    set(drawn, "arrowhead", arrow ? "normal" : "none");
    set(drawn, "arrowtail", plan.turns ? "normal" : "none");
    set(drawn, "dir", plan.turns ? "back" : "forward");
    set(drawn, "constraint", arrow ? "false" : "true");
    set(drawn, "minlen", std::to_string(plan.turns ? from.column - to.column : plan.span));
    set(drawn, "tooltip", escaped(shown_tooltip(edge.tooltip)));
  }

  /// An edge that nobody sees.
  void add_guide(const End& above, const End& below) const {
    Agedge_t* unseen = agedge(root_, above.node, below.node, nullptr, 1);
    set(unseen, "style", "invis");
    set(unseen, "minlen", "0");
  }

  Theme theme_;
  Arrangement plan_;
  Agiodisc_t io_{AgIoDisc.afread, append, flush_nothing};
  Agdisc_t disc_;
  Agraph_t* root_ = nullptr;
  std::vector<Agraph_t*> boxes_;
  std::map<std::string, End> ends_;  ///< by name of the cell
};

Refusal cannot_draw(std::string message, std::string remedy = {}) {
  for (const std::string& line : Listener::lines()) message += ": " + line;
  return Refusal(Error{ErrorKind::Unsupported, "", std::move(message), {}, std::move(remedy), {}});
}

/// Without what says which Graphviz it was, and without the reference to a DTD: neither browsers nor HTML want it.
std::string plain_svg(std::string_view svg) {
  const std::size_t start = svg.find("<svg");
  if (start == std::string_view::npos) return {};
  return "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n" + std::string(svg.substr(start));
}

enum class Size : std::uint8_t { Legible, Thumbnail };

class Context {
 public:
  Context() : gvc_(gvContext()) { add_quick_png(gvc_); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { gvFreeContext(gvc_); }

  /// One for the whole run: the plugin that measures text remembers a font by a pointer into the context, and looks at
  /// it again with the next one. Source: Graphviz 2.42 plugin/pango/gvtextlayout_pango.c, pango_textlayout().
  static GVC_t* get() {
    static const Context kContext;
    return kContext.gvc_;
  }

 private:
  GVC_t* gvc_;
};

/// A graph with its layout.
class Laid {
 public:
  explicit Laid(const Built& built) : root_(built.root()), failed_(gvLayout(Context::get(), root_, "dot") != 0) {}
  Laid(const Laid&) = delete;
  Laid& operator=(const Laid&) = delete;
  ~Laid() {
    if (!failed_) gvFreeLayout(Context::get(), root_);
  }

  [[nodiscard]] Result<std::string> drawn(Format format, Size size = Size::Legible) const {
    if (failed_) return cannot_draw("no layout", "see that Graphviz's plugins are installed and registered (dot -c)");
    if (format == Format::Png) GD_drawing(root_)->dpi = resolution(GD_bb(root_).UR, size);
    std::string text = format == Format::Png ? quick_png() : std::string();
    const std::string name(to_string(format));
    if (text.empty()) text = rendered(name.c_str());
    if (format == Format::Svg) text = plain_svg(text);
    if (text.empty())
      return cannot_draw("cannot draw as " + name, "install Graphviz's plugin for it, or take svg or dot");
    return text;
  }

 private:
  [[nodiscard]] std::string rendered(const char* format) const {
    char* bytes = nullptr;
    unsigned int length = 0;
    const int failed = gvRenderData(Context::get(), root_, format, &bytes, &length);
    std::string text = failed == 0 && bytes != nullptr ? std::string(bytes, length) : std::string();
    if (bytes != nullptr) gvFreeRenderData(bytes);
    return text;
  }

  /// Empty where cairo is not at hand.
  [[nodiscard]] std::string quick_png() const {
    std::string text = rendered(kQuickPng);
    text += take_quick_png();
    return text;
  }

  /// Dots per inch. Lower for what is so large that it is looked at in pieces, or as a whole from afar, but still
  /// enough for its small letters; unless nobody is to read them, or cairo could not draw so many.
  static double resolution(const pointf& points, Size size) {
    constexpr double kDpi = 96, kDpiMin = 72, kPixelsMax = 8e6, kSideMax = 32'000, kThumbWidth = 440,
                     kThumbHeight = 280;
    const double width = std::max(points.x, 1.0) / kPointsPerInch, height = std::max(points.y, 1.0) / kPointsPerInch;
    if (size == Size::Thumbnail) return std::min({kThumbWidth / width, kThumbHeight / height, kDpi});
    const double legible = std::clamp(std::sqrt(kPixelsMax / (width * height)), kDpiMin, kDpi);
    return std::min(legible, kSideMax / std::max(width, height));
  }

  Agraph_t* root_;
  bool failed_;
};

}  // namespace

Result<Picture> render(const Graph& graph, Format format, Theme theme) {
  const std::scoped_lock lock(graphviz_mutex);
  const Listener listener;
  const Graph parts = in_parts(graph);
  const Built built(parts, theme);
  if (format == Format::Dot) return Picture{built.text(), Listener::lines()};
  auto bytes = Laid(built).drawn(format);
  if (!bytes) return std::unexpected(bytes.error());
  return Picture{*std::move(bytes), Listener::lines()};
}

Result<IndexPictures> render_for_index(const Graph& graph, Theme theme) {
  const std::scoped_lock lock(graphviz_mutex);
  const Listener listener;
  const Graph parts = in_parts(graph);
  const Built built(parts, theme);
  const Laid laid(built);
  auto svg = laid.drawn(Format::Svg);
  if (!svg) return std::unexpected(svg.error());
  std::vector<std::string> remarks = Listener::lines();
  return IndexPictures{{*std::move(svg), std::move(remarks)}, laid.drawn(Format::Png, Size::Thumbnail).value_or("")};
}

}  // namespace busproof::viz
