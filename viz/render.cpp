#include "viz/render.h"

#include <fmt/format.h>
#include <graphviz/cgraph.h>
#include <graphviz/gvc.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "viz/markup.h"

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

/// A Graph as cgraph has it.
class Built {
 public:
  Built(const Graph& graph, Theme theme) : theme_(theme), disc_{&AgMemDisc, &AgIdDisc, &io_} {
    std::string name = "busproof";
    root_ = agopen(name.data(), Agdirected, &disc_);
    set_defaults();
    set_html(root_, "label", heading_of(graph, theme));
    add_boxes(graph);
    for (const Node& node : graph.nodes) add_node(node);
    for (const Edge& edge : graph.edges) add_edge(edge);
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
                                                                        {"nodesep", "0.12"},
                                                                        {"outputorder", "edgesfirst"},
                                                                        {"pad", "0.2"},
                                                                        {"rankdir", "LR"},
                                                                        {"ranksep", "0.8"}})
      set_default(AGRAPH, name, value);
    for (const auto& [name, value] : std::map<std::string, std::string>{
             {"fontname", "Arial"}, {"fontsize", "11"}, {"id", ""}, {"label", ""}, {"shape", "plain"}})
      set_default(AGNODE, name, value);
    for (const auto& [name, value] : std::map<std::string, std::string>{{"arrowhead", "none"},
                                                                        {"arrowsize", "0.8"},
                                                                        {"color", "#000000"},
                                                                        {"constraint", "true"},
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

  void add_node(const Node& node) {
    std::string name = node.heading.name;
    Agnode_t* drawn = agnode(node.box ? boxes_[*node.box] : root_, name.data(), 1);
    set(drawn, "id", node.heading.name);
    set_html(drawn, "label", label_of(node, theme_));
    ports_[node.heading.name] = {drawn, "h"};
    std::size_t port = 0;
    for (const Row& row : node.rows)
      for (const Cell& cell : row.cells) ports_[cell.name] = {drawn, fmt::format("c{}", port++)};
  }

  void add_edge(const Edge& edge) {
    const auto& [tail, tail_port] = ports_.at(edge.from);
    const auto& [head, head_port] = ports_.at(edge.to);
    Agedge_t* drawn = agedge(root_, tail, head, nullptr, 1);
    const LookRule& rule = rule_of(edge.look);
    const bool arrow = edge.kind == EdgeKind::Arrow;
    set(drawn, "id", "edge-" + edge.to);
    set(drawn, "tailport", tail_port + ":e");
    set(drawn, "headport", head_port + (arrow ? ":e" : ":w"));
    set(drawn, "color", std::string(paint_of(edge.look, theme_).line));
    set(drawn, "style", std::string(rule.style));
    set(drawn, "penwidth", std::string(rule.pen_width));
    set(drawn, "arrowhead", arrow ? "normal" : "none");
    set(drawn, "constraint", arrow ? "false" : "true");
    set(drawn, "minlen", std::to_string(edge.columns));
    set(drawn, "tooltip", escaped(shown_tooltip(edge.tooltip)));
  }

  Theme theme_;
  Agiodisc_t io_{AgIoDisc.afread, append, flush_nothing};
  Agdisc_t disc_;
  Agraph_t* root_ = nullptr;
  std::vector<Agraph_t*> boxes_;
  std::map<std::string, std::pair<Agnode_t*, std::string>> ports_;
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

class Context {
 public:
  Context() : gvc_(gvContext()) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { gvFreeContext(gvc_); }

  [[nodiscard]] Result<std::string> draw(const Built& built, Format format) const {
    if (gvLayout(gvc_, built.root(), "dot") != 0)
      return cannot_draw("no layout", "see that Graphviz's plugins are installed and registered (dot -c)");
    char* bytes = nullptr;
    unsigned int length = 0;
    const std::string name(to_string(format));
    const int failed = gvRenderData(gvc_, built.root(), name.c_str(), &bytes, &length);
    std::string text = failed == 0 && bytes != nullptr ? std::string(bytes, length) : std::string();
    if (bytes != nullptr) gvFreeRenderData(bytes);
    gvFreeLayout(gvc_, built.root());
    if (format == Format::Svg) text = plain_svg(text);
    if (text.empty())
      return cannot_draw("cannot draw as " + name, "install Graphviz's plugin for it, or take svg or dot");
    return text;
  }

 private:
  GVC_t* gvc_;
};

}  // namespace

Result<Picture> render(const Graph& graph, Format format, Theme theme) {
  const std::scoped_lock lock(graphviz_mutex);
  const Listener listener;
  const Built built(graph, theme);
  if (format == Format::Dot) return Picture{built.text(), Listener::lines()};
  // One for the whole run: the plugin that measures text remembers a font by a pointer into the context, and looks at
  // it again with the next one. Source: Graphviz 2.42 plugin/pango/gvtextlayout_pango.c, pango_textlayout().
  static const Context context;
  auto bytes = context.draw(built, format);
  if (!bytes) return std::unexpected(bytes.error());
  return Picture{*std::move(bytes), Listener::lines()};
}

}  // namespace busproof::viz
