#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/domain/domain.h"
#include "engine/domain/placed_domain.h"

namespace busproof::domain {

/// Whether what a guest can see of its devices besides their places is read too (Device::details): two domains cannot
/// be compared without it, and addresses can be assigned without it, faster.
enum class Details : std::uint8_t { Read, Skip };

struct Identity;

/// One domain XML file: its bytes, and the tree that they spell. The bytes are never changed; editing makes new ones.
/// Reads UTF-8 and every encoding that agrees with ASCII below 0x80.
class XmlDocument {
 public:
  /// Errors (Unreadable, with offset): not well-formed, duplicate attribute, a DOCTYPE with declarations of its own,
  /// NUL bytes, UTF-16 or UTF-32, deeper than 256 elements (libxml2's limit), larger than kTextMaxBytes.
  static Result<XmlDocument> parse(std::string text);
  static constexpr std::size_t kTextMaxBytes = std::size_t{64} << 20;

  [[nodiscard]] std::string_view text() const;

  XmlDocument(XmlDocument&&) noexcept;
  XmlDocument& operator=(XmlDocument&&) noexcept;
  ~XmlDocument();

 private:
  struct Tree;  // pugixml stays behind this
  explicit XmlDocument(std::unique_ptr<Tree> tree);
  std::unique_ptr<Tree> tree_;

  friend Result<Domain> read_domain(const XmlDocument& document, Details details);
  friend Result<Identity> read_identity(const XmlDocument& document);
  friend std::optional<std::uint32_t> vlan_of(const XmlDocument& document, const Device& interface);
  friend std::map<int, int> read_memory_nodes(const XmlDocument& document);
  friend std::string write_places(const XmlDocument& document, const PlacedDomain& placed);
};

/// The domain that the document describes, devices in document order. Errors: Unreadable when the root is not
/// `<domain>`; Refused for what libvirt refuses while parsing (spec 7.1, E101…E116, E212, E216).
Result<Domain> read_domain(const XmlDocument& document, Details details = Details::Read);

/// Who a domain is; empty where the XML does not say.
struct Identity {
  std::string name, uuid;
  friend bool operator==(const Identity&, const Identity&) = default;
};

/// Only that, in a small part of the time. Errors: Unreadable when the root is not `<domain>`.
Result<Identity> read_identity(const XmlDocument& document);

/// The VLAN that an interface of the document is in, `<vlan><tag id='42'/></vlan>`; nothing where it names none, or
/// several.
std::optional<std::uint32_t> vlan_of(const XmlDocument& document, const Device& interface);

/// Guest's NUMA cell → the host's node that `<numatune>` binds its memory to; a guest without cells is cell 0. Cells
/// whose memory may come from several nodes, or from any, are left out.
std::map<int, int> read_memory_nodes(const XmlDocument& document);

/// The document's text with what `placed` has and it lacks: addresses, multifunction, controller index, model, model
/// name and target, and the devices that libvirt adds. `placed` must stem from this document. Every other byte stays.
std::string write_places(const XmlDocument& document, const PlacedDomain& placed);

/// Line and column, both from 1, columns in bytes.
struct TextPlace {
  std::size_t line = 1, column = 1;
  friend bool operator==(const TextPlace&, const TextPlace&) = default;
};
TextPlace place_of(std::string_view text, std::size_t offset);

/// The same for many places of one text, which is read through once, when the first is asked for. The text must outlive
/// it.
class TextLines {
 public:
  explicit TextLines(std::string_view text) : text_(text) {}
  TextPlace place_of(std::size_t offset);

 private:
  std::string_view text_;
  std::vector<std::size_t> begins_{};  ///< offsets of the lines
};

}  // namespace busproof::domain
