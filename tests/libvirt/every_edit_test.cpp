// A definition with a device of every kind that libvirt's check looks at, and every single thing in it changed or taken
// away in turn: what libvirt would not migrate or restore must be an error here. No guest is started.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "engine/abi/diff.h"
#include "tests/libvirt/libvirt_check.h"
#include "tests/libvirt/libvirt_test.h"

namespace busproof {
namespace {

std::size_t indent_of(const std::string& line) { return std::min(line.find_first_not_of(' '), line.size()); }

/// The last line of the element that begins on this one; libvirt prints its end as far to the right as its beginning.
std::size_t end_of_element(const XmlLines& lines, std::size_t begin) {
  const std::string& line = lines[begin];
  if (line.ends_with("/>") || line.find("</") != std::string::npos) return begin;
  std::size_t end = begin + 1;
  while (end + 1 < lines.size() &&
         !(indent_of(lines[end]) == indent_of(line) && lines[end].find("</") == indent_of(line)))
    ++end;
  return end;
}

/// Other values in the place of one.
std::vector<std::string> others(const std::string& value) {
  for (const auto& [a, b] : {std::pair{"on", "off"}, std::pair{"yes", "no"}}) {
    if (value == a) return {b};
    if (value == b) return {a};
  }
  const bool is_number = !value.empty() && std::ranges::all_of(value, [](unsigned char c) { return std::isdigit(c); });
  if (is_number && value.size() < 18) {
    const unsigned long long number = std::stoull(value);
    return {std::to_string(number == 0 ? 4 : number * 2)};
  }
  if (value.empty()) return {"x"};
  std::string other = value;
  other.back() = other.back() == '1' ? '2' : '1';
  return {other};
}

struct Edit {
  std::string what, text;
};

class Editor {
 public:
  explicit Editor(const std::string& text) : lines_(xml_lines(text)) {}

  std::vector<Edit> edits() && {
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      const std::string& line = lines_[i];
      if (line.find('<') == std::string::npos || line.find("</") == indent_of(line)) continue;
      change_attributes(i);
      change_text(i);
      remove(i);
    }
    return std::move(edits_);
  }

 private:
  void change_attributes(std::size_t i) {
    const std::string line = lines_[i];
    for (std::size_t quote = line.find("='"); quote != std::string::npos; quote = line.find("='", quote + 1)) {
      const std::size_t end = line.find('\'', quote + 2);
      const std::size_t blank = line.rfind(' ', quote);
      for (const std::string& other : others(line.substr(quote + 2, end - quote - 2)))
        add(i, line.substr(0, quote + 2) + other + line.substr(end));
      add(i, line.substr(0, blank) + line.substr(end + 1));
    }
  }

  void change_text(std::size_t i) {
    const std::string line = lines_[i];
    const std::size_t begin = line.find('>'), end = line.rfind("</");
    if (begin == std::string::npos || end == std::string::npos || end <= begin) return;
    for (const std::string& other : others(line.substr(begin + 1, end - begin - 1)))
      add(i, line.substr(0, begin + 1) + other + line.substr(end));
  }

  void remove(std::size_t i) {
    XmlLines rest = lines_;
    const auto first = rest.begin() + static_cast<std::ptrdiff_t>(i);
    rest.erase(first, rest.begin() + static_cast<std::ptrdiff_t>(end_of_element(lines_, i)) + 1);
    edits_.push_back({"without " + lines_[i], fmt::format("{}\n", fmt::join(rest, "\n"))});
  }

  void add(std::size_t i, const std::string& line) {
    XmlLines changed = lines_;
    changed[i] = line;
    edits_.push_back({fmt::format("{} -> {}", lines_[i], line), fmt::format("{}\n", fmt::join(changed, "\n"))});
  }

  XmlLines lines_;
  std::vector<Edit> edits_;
};

/// libvirt 9.0.0 writes outside its memory when it refuses the NUMA distances of a definition, and we run in its
/// process.
bool corrupts_libvirt(const Edit& edit) {
  const bool is_other_distance =
      edit.what.ends_with("<sibling id='0' value='40'/>") || edit.what.ends_with("<sibling id='1' value='40'/>");
  return (edit.what.contains("<sibling ") && !is_other_distance) ||
         (edit.what.starts_with("without ") && edit.what.contains("<cell "));
}

/// One edit in four, so that four can be at work.
class EveryEdit : public LibvirtTest, public testing::WithParamInterface<std::size_t> {};
constexpr std::size_t kParts = 4;

TEST_P(EveryEdit, ThatLibvirtRefusesToRestoreIsAnError) {
  const auto stored = libvirt().answer(text_of(BUSPROOF_SOURCE_DIR "/tests/libvirt/every_device.xml"));
  ASSERT_TRUE(stored) << stored.error().message;
  const auto before = snapshot_of(*stored);
  ASSERT_TRUE(before) << before.error().message;
  const std::string image = (folder() / "image").string();
  std::size_t refused = 0, edits = 0;
  for (const Edit& edit : Editor(*stored).edits()) {
    if (edits++ % kParts != GetParam() || corrupts_libvirt(edit)) continue;
    const auto verdict = libvirt().would_restore(*stored, edit.text, image);
    if (verdict || !is_of_check(verdict.error().message)) continue;
    ++refused;
    if (is_excepted(verdict.error().message)) continue;
    const auto after = snapshot_of(edit.text);
    const bool is_error =
        !after || std::ranges::count(abi::diff(*before, *after), Severity::Error, &Finding::severity) > 0;
    EXPECT_TRUE(is_error) << edit.what << "\nlibvirt: " << verdict.error().message;
  }
  std::cout << edits << " edits, " << refused << " of this part refused by libvirt's check\n";
  EXPECT_GT(refused, 40U) << "libvirt's check was hardly asked";
}

INSTANTIATE_TEST_SUITE_P(Parts, EveryEdit, testing::Range(std::size_t{0}, kParts));

}  // namespace
}  // namespace busproof
