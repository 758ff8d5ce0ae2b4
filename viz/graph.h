#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// A picture before it is drawn: what there is to see and how it hangs together, with no word of colours, places or
/// Graphviz. Every text may hold anything; whoever draws it makes it harmless. Names are made by `Names`.
namespace busproof::viz {

/// What a thing is to the reader; themes give it colour and line style.
enum class Look : std::uint8_t {
  Plain,
  Express,       ///< a PCI Express bus and the link to it
  Conventional,  ///< a conventional PCI bus and the link to it
  Quiet,         ///< a port that waits for a device; free slots; remarks
  Lost,          ///< in the XML, and the guest will not have it
  Unchanged,
  Added,
  Removed,
  Moved,
  MovedAway,  ///< the place that something has left
  Changed,
  Stub,      ///< bound to a driver that waits for a guest
  Owned,     ///< the host itself or a guest uses it
  Unviable,  ///< cannot be given to a guest
  Group,     ///< what has to go to the same guest
};
inline constexpr std::size_t kLookCount = 15;

/// What sort of device it is, for the tag before its name.
enum class Hue : std::uint8_t { Bridge, Network, Storage, Display, Usb, Host, Other };
inline constexpr std::size_t kHueCount = 7;

struct Tag {
  std::string text{};  ///< "NET"; empty: no tag
  Hue hue = Hue::Other;
  friend bool operator==(const Tag&, const Tag&) = default;
};

/// One thing that can be pointed to.
struct Cell {
  std::string name{};   ///< empty: nothing leads to it
  std::string label{};  ///< stands before it: ".0", the function
  Tag tag{};
  std::vector<std::string> lines{};  ///< the first says what it is
  std::string tooltip{};             ///< all that is known, line by line
  Look look = Look::Plain;
  friend bool operator==(const Cell&, const Cell&) = default;
};

/// A slot with its functions.
struct Row {
  std::string label{};  ///< "1f"
  std::vector<Cell> cells{};
  friend bool operator==(const Row&, const Row&) = default;
};

/// A bus with what sits on it.
struct Node {
  Cell heading{};  ///< its name is the node's
  std::vector<Row> rows{};
  Look look = Look::Plain;
  std::optional<std::size_t> box{};  ///< index into Graph::boxes
  friend bool operator==(const Node&, const Node&) = default;
};

enum class EdgeKind : std::uint8_t {
  Link,    ///< from a bridge to the bus that it makes; shapes the picture
  Arrow,   ///< from one place to another; drawn over the picture
  Onward,  ///< from a part of a bus to its next part
};

struct Edge {
  std::string from, to;  ///< names of cells, headings included
  Look look = Look::Plain;
  EdgeKind kind = EdgeKind::Link;
  std::string tooltip{};
  friend bool operator==(const Edge&, const Edge&) = default;
};

/// An outline around nodes.
struct Box {
  std::string name{};
  std::string label{};
  std::string remark{};  ///< a second line below the label
  std::string tooltip{};
  Look look = Look::Plain;
  std::optional<unsigned> tint{};       ///< a NUMA node: boxes of one number have one colour
  std::optional<std::size_t> within{};  ///< index of the box around it, which comes earlier
  friend bool operator==(const Box&, const Box&) = default;
};

/// A line of the legend: a sample, and what it stands for.
struct Key {
  enum class Sample : std::uint8_t { Tag, Cell, Line } sample{};
  Tag tag{};
  Look look = Look::Plain;
  std::string text{};
  friend bool operator==(const Key&, const Key&) = default;
};

struct Graph {
  std::string title{};
  std::string subtitle{};
  std::vector<std::string> warnings{};  ///< sentences
  std::vector<Key> legend{};
  std::vector<Box> boxes{};
  std::vector<Node> nodes{};
  std::vector<Edge> edges{};
  friend bool operator==(const Graph&, const Graph&) = default;
};

}  // namespace busproof::viz
