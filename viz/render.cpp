#include "viz/render.h"

#include <fmt/format.h>
#include <graphviz/cgraph.h>
#include <graphviz/gvc.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "viz/arrangement.h"
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

// cgraph's own way of numbering things goes by the addresses of their names, and what is drawn first by the numbers:
// the order of boxes would be chance. These count.
void* open_ids(Agraph_t*, Agdisc_t*) { return new IDTYPE(0); }
long next_id(void* last, int, char* name, IDTYPE* id, int is_new) {
  if (name != nullptr || is_new == 0) return 0;  // cgraph then keeps the name itself, and asks again without
  *id = ++*static_cast<IDTYPE*>(last);
  return 1;
}
long take_id(void*, int, IDTYPE) { return 0; }
void drop_id(void*, int, IDTYPE) {}
char* no_name(void*, int, IDTYPE) { return nullptr; }
void close_ids(void* last) { delete static_cast<IDTYPE*>(last); }
void note_id(void*, int, void*) {}
Agiddisc_t counted_ids{open_ids, next_id, take_id, drop_id, no_name, close_ids, note_id};

/// A Graph as cgraph has it.
class Built {
 public:
  Built(const Graph& graph, Theme theme) : theme_(theme), plan_(arrange(graph)), disc_{&AgMemDisc, &counted_ids, &io_} {
    std::string name = "busproof";
    root_ = agopen(name.data(), Agdirected, &disc_);
    set_defaults();
    set_html(root_, "label", heading_of(graph, theme));
    add_boxes(graph);
    for (const std::size_t i : plan_.order) add_node(graph.nodes[i], plan_.nodes[i]);
    for (std::size_t i = 0; i < graph.edges.size(); ++i) add_edge(graph.edges[i], plan_.spans[i]);
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
                                                                        {"ranksep", fmt::format("{}", plan_.gap)}})
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

  void add_node(const Node& node, const NodePlan& plan) {
    std::string name = node.heading.name;
    Agnode_t* drawn = agnode(node.box ? boxes_[*node.box] : root_, name.data(), 1);
    set(drawn, "id", node.heading.name);
    set_html(drawn, "label", label_of(node, plan, theme_));
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

  /// Links run from left to right; arrows too, unless they lead back, or to a place above or below their own.
  void add_edge(const Edge& edge, unsigned span) {
    const End& tail = ends_.at(edge.from);
    const End& head = ends_.at(edge.to);
    Agedge_t* drawn = agedge(root_, tail.node, head.node, nullptr, 1);
    const LookRule& rule = rule_of(edge.look);
    const bool arrow = edge.kind == EdgeKind::Arrow;
    set(drawn, "id", "edge-" + edge.to);
    set(drawn, "tailport", tail.column > head.column ? tail.left : tail.right);
    set(drawn, "headport", tail.column < head.column ? head.left : head.right);
    set(drawn, "color", std::string(paint_of(edge.look, theme_).line));
    set(drawn, "style", std::string(rule.style));
    set(drawn, "penwidth", std::string(rule.pen_width));
    set(drawn, "arrowhead", arrow ? "normal" : "none");
    set(drawn, "constraint", arrow ? "false" : "true");
    set(drawn, "minlen", std::to_string(span));
    set(drawn, "tooltip", escaped(shown_tooltip(edge.tooltip)));
  }

  /// Where edges touch a cell.
  struct End {
    Agnode_t* node = nullptr;
    std::string left, right;  ///< ports
    std::size_t column = 0;
  };

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
