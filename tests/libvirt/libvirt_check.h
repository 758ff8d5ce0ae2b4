#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "engine/abi/snapshot.h"
#include "engine/assign/assign.h"
#include "engine/domain/xml_document.h"

/// libvirt's own check of two definitions, beside which ours is put.
namespace busproof {

inline std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

using XmlLines = std::vector<std::string>;

inline XmlLines xml_lines(const std::string& text) {
  XmlLines lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

inline Result<abi::AbiSnapshot> snapshot_of(const std::string& xml) {
  const auto document = domain::XmlDocument::parse(xml);
  if (!document) return std::unexpected(document.error());
  const auto wish = domain::read_domain(*document);
  if (!wish) return std::unexpected(wish.error());
  const auto assignment = assign::assign(*wish);
  if (!assignment) return std::unexpected(assignment.error());
  return abi::snapshot(assignment->placed, *wish);
}

/// Whether libvirt says that two definitions are not those of one guest.
inline bool is_of_check(std::string_view message) {
  constexpr auto kWords = std::to_array<std::string_view>({"Target ", " differs", "of target NUMA node"});
  return std::ranges::any_of(kWords, [&](std::string_view words) { return message.contains(words); });
}

/// What libvirt's check refuses and we do not call an error: the guest cannot tell, or it cannot be decided.
struct CheckException {
  std::string_view words;  ///< of libvirt's message
  std::string_view reason;
};
inline constexpr std::array kCheckExceptions = {
    CheckException{"Target domain current memory",
                   "checked of saved guests only: the balloon moves, and migration leaves it out; BP180 warns"},
    CheckException{"Target domain max memory",
                   "where there are NUMA cells libvirt corrects <memory> when it defines the config"},
    CheckException{"Target domain uuid", "libvirt makes one up for a config without, and BP178 warns"},
    CheckException{"Target device address type none",
                   "libvirt fills the address in when it defines the config, and so does the snapshot"},
    CheckException{"Target device dimm base address '0'", "the same"},
    CheckException{"Target controller type pci does not match source sata",
                   "the machine has one whether it is written or not, and libvirt compares by position"},
    CheckException{"Target controller type ccid does not match source pci", "the same of pcie-root"},
};

inline bool is_excepted(std::string_view message) {
  return std::ranges::any_of(kCheckExceptions, [&](const CheckException& row) { return message.contains(row.words); });
}

}  // namespace busproof
