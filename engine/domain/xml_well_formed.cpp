#include "engine/domain/xml_well_formed.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/ascii.h"
#include "engine/base/text.h"
#include "engine/base/utf8.h"

namespace busproof::domain {
namespace {

/// What a byte means to the scanner: up to NameStart nothing in text and values; from NameRest to NameStart it
/// continues a name, from NameStart to High it begins one.
enum class Byte : std::uint8_t { Plain, Blank, NameRest, NameStart, High, Markup, Reference, Bracket, Quote, Control };

constexpr std::array<Byte, 256> kBytes = [] {
  std::array<Byte, 256> bytes{};
  for (std::size_t c = 0; c < 0x20; ++c) bytes[c] = Byte::Control;
  for (std::size_t c = 0x80; c < 0x100; ++c) bytes[c] = Byte::High;
  for (const char c : {' ', '\t', '\n', '\r'}) bytes[static_cast<unsigned char>(c)] = Byte::Blank;
  for (std::size_t c = 'a'; c <= 'z'; ++c) bytes[c] = bytes[c - 'a' + 'A'] = Byte::NameStart;
  for (const char c : {'_', ':'}) bytes[static_cast<unsigned char>(c)] = Byte::NameStart;
  for (std::size_t c = '0'; c <= '9'; ++c) bytes[c] = Byte::NameRest;
  for (const char c : {'-', '.'}) bytes[static_cast<unsigned char>(c)] = Byte::NameRest;
  bytes['<'] = Byte::Markup;
  bytes['&'] = Byte::Reference;
  bytes[']'] = Byte::Bracket;
  bytes['\''] = bytes['"'] = Byte::Quote;
  return bytes;
}();

constexpr Byte byte_of(char c) { return kBytes[static_cast<unsigned char>(c)]; }

constexpr bool begins_name(char c) { return byte_of(c) >= Byte::NameStart && byte_of(c) <= Byte::High; }
constexpr bool continues_name(char c) { return byte_of(c) >= Byte::NameRest && byte_of(c) <= Byte::High; }

/// Families of encodings in which ASCII is not spelled as itself.
constexpr std::array<std::string_view, 5> kWideEncodings = {"UTF-16", "UTF-32", "UCS-", "ISO-10646-UCS-", "UTF-7"};

constexpr std::string_view kToUtf8 = "convert it with `iconv -t UTF-8`";

/// Walks over the text once. Every step returns false after it has noted the error.
class Scanner {
 public:
  explicit Scanner(const std::string& text) : text_(text) {}

  Result<void> run() {
    if (byte_order() && prolog() && elements() && epilog()) return {};
    return Refusal(std::move(error_));
  }

 private:
  bool fail(std::size_t offset, std::string message, std::string remedy = {}, std::string rule = "E001") {
    error_ = unreadable(std::move(rule), offset, std::move(message), std::move(remedy)).error();
    return false;
  }

  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  /// NUL at the end, which is there; the text has none. Beyond the end there is nothing to look at.
  [[nodiscard]] char peek(std::size_t ahead = 0) const { return *(text_.data() + at_ + ahead); }
  [[nodiscard]] std::string_view rest() const { return {text_.data() + at_, text_.size() - at_}; }
  [[nodiscard]] bool sees(std::string_view mark) const { return rest().starts_with(mark); }

  /// Past all bytes that are so, which the NUL at the end is not. Most of a document is skipped here, so the loop is as
  /// short as can be.
  template <class Predicate>
  void skip(Predicate is_so) {
    const char* at = text_.data() + at_;
    while (is_so(byte_of(*at))) ++at;
    at_ = static_cast<std::size_t>(at - text_.data());
  }
  void skip_blanks() {
    skip([](Byte byte) { return byte == Byte::Blank; });
  }
  void skip_ordinary() {
    skip([](Byte byte) { return byte <= Byte::NameStart; });
  }
  void skip_name_bytes() {
    skip([](Byte byte) { return byte == Byte::NameRest || byte == Byte::NameStart; });
  }

  bool byte_order() {
    using namespace std::string_view_literals;
    for (const std::string_view mark : {"\xfe\xff"sv, "\xff\xfe"sv, "\0<"sv, "<\0"sv, "\0\0\xfe\xff"sv, "\0\0\0<"sv})
      if (text_.starts_with(mark))
        return fail(0, "the text is UTF-16 or UTF-32, which busproof does not read", std::string(kToUtf8), "E002");
    if (const std::size_t nul = text_.find('\0'); nul != std::string_view::npos)
      return fail(nul, "invalid character: a NUL byte", "remove the NUL bytes; XML text has none", "E002");
    if (sees("\xef\xbb\xbf")) at_ += 3;
    return true;
  }

  bool prolog() {
    if (at_end()) return fail(at_, "Document is empty", "give the domain's XML");
    if (sees("<?xml") && at_ + 5 < text_.size() && byte_of(text_[at_ + 5]) == Byte::Blank && !declaration())
      return false;
    bool may_declare = true;
    for (;;) {
      skip_blanks();
      if (may_declare && sees("<!DOCTYPE")) {
        may_declare = false;
        if (!doctype()) return false;
      } else if (sees("<!--") || sees("<?")) {
        if (!comment_or_instruction()) return false;
      } else if (!sees("<")) {
        return fail(at_, "Start tag expected, '<' not found", "give the domain's XML");
      } else {
        return true;
      }
    }
  }

  /// `<?xml version='1.0' encoding='…'?>`, of which the encoding matters.
  bool declaration() {
    const std::size_t begin = at_;
    at_ += 5;
    bool has_version = false;
    for (skip_blanks(); !sees("?>"); skip_blanks()) {
      std::string_view name;
      std::string_view value;
      if (!attribute(name, value)) return false;
      has_version = has_version || name == "version";
      if (name == "encoding" && !encoding(value)) return false;
    }
    if (!has_version)
      return fail(begin, "Malformed declaration expecting version", "write <?xml version='1.0' encoding='UTF-8'?>");
    at_ += 2;
    return true;
  }

  bool encoding(std::string_view name) {
    const auto is_wide = [&](std::string_view wide) { return equal_ignoring_case(name.substr(0, wide.size()), wide); };
    if (std::ranges::any_of(kWideEncodings, is_wide))
      return fail(at_, fmt::format("Document labelled {} but has UTF-8 content", name),
                  "say encoding='UTF-8', or leave the encoding out", "E002");
    is_utf8_ = equal_ignoring_case(name, "UTF-8") || equal_ignoring_case(name, "UTF8");
    return true;
  }

  bool doctype() {
    const std::size_t begin = at_;
    at_ += 9;
    for (; !at_end() && text_[at_] != '>'; ++at_) {
      if (text_[at_] == '[')
        return fail(begin, "a DOCTYPE with declarations of its own is not read",
                    "remove the DOCTYPE and write out the entities that it declares", "E003");
      if (byte_of(text_[at_]) != Byte::Quote) continue;
      at_ = text_.find(text_[at_], at_ + 1);
      if (at_ == std::string_view::npos) break;
    }
    if (at_end()) return fail(begin, "DOCTYPE improperly terminated", "close it with '>'");
    ++at_;
    return true;
  }

  /// Stands on the '<' of the root element.
  bool elements() {
    if (!start_tag()) return false;
    while (!open_.empty()) {
      if (!characters()) return false;
      if (at_end())
        return fail(offset_of(open_.back()) - 1, fmt::format("Premature end of data in tag {}", open_.back()),
                    fmt::format("close it with </{}>", open_.back()));
      const char next = peek(1);
      if (!(next == '/' ? end_tag() : next == '!' || next == '?' ? special() : start_tag())) return false;
    }
    return true;
  }

  bool epilog() {
    for (skip_blanks(); !at_end(); skip_blanks()) {
      if (!sees("<!--") && !sees("<?"))
        return fail(at_, "Extra content at the end of the document", "one domain a file: remove what follows it");
      if (!comment_or_instruction()) return false;
    }
    return true;
  }

  bool special() {
    if (sees("<![CDATA[")) {
      const std::size_t end = text_.find("]]>", at_ + 9);
      if (end == std::string_view::npos) return fail(at_, "CData section not finished", "close it with ']]>'");
      return allowed(end) && skip_to(end + 3);
    }
    return comment_or_instruction();
  }

  bool comment_or_instruction() {
    if (sees("<!--")) return comment();
    if (sees("<?")) return instruction();
    return fail(at_, "StartTag: invalid element name", "write &lt; for a '<' that begins no tag");
  }

  bool comment() {
    const std::size_t begin = at_;
    const std::size_t end = text_.find("--", at_ + 4);
    if (end == std::string_view::npos) return fail(begin, "Comment not terminated", "close it with '-->'");
    if (!text_.substr(end).starts_with("-->"))
      return fail(end, "Double hyphen within comment", "write a single '-', or end the comment with '-->'");
    at_ += 4;
    return allowed(end) && skip_to(end + 3);
  }

  bool instruction() {
    const std::size_t begin = at_;
    at_ += 2;
    std::string_view name;
    if (!this->name(name)) return fail(begin, "xmlParsePI : no target name", "write &lt;? for this text");
    if (name == "xml")
      return fail(begin, "XML declaration allowed only at the start of the document",
                  "remove what comes before <?xml, blanks included");
    const std::size_t end = text_.find("?>", at_);
    if (end == std::string_view::npos)
      return fail(begin, fmt::format("ParsePI: PI {} never end ...", name), "close it with '?>'");
    return allowed(end) && skip_to(end + 2);
  }

  bool skip_to(std::size_t offset) {
    at_ = offset;
    return true;
  }

  /// Goes on to `end`, past characters that mean nothing but must be allowed in XML.
  bool allowed(std::size_t end) {
    while (at_ < end) {
      const Byte byte = byte_of(text_[at_]);
      if (byte == Byte::Control || byte == Byte::High) {
        if (!unusual()) return false;
      } else {
        ++at_;
      }
    }
    return true;
  }

  /// Stands on a byte of class Control or High.
  bool unusual() {
    if (byte_of(text_[at_]) == Byte::Control)
      return fail(at_, fmt::format("invalid character 0x{:02x}", static_cast<unsigned char>(text_[at_])),
                  "remove the control character", "E002");
    if (!is_utf8_) return skip_to(at_ + 1);
    const std::size_t length = xml_character_bytes(rest());
    if (length == 0)
      return fail(at_, "Input is not proper UTF-8, indicate encoding !",
                  "name the encoding in <?xml version='1.0' encoding='…'?>, or " + std::string(kToUtf8), "E002");
    return skip_to(at_ + length);
  }

  bool characters() {
    for (skip_ordinary(); !at_end(); skip_ordinary()) {
      switch (byte_of(text_[at_])) {
        case Byte::Markup:
          return true;
        case Byte::Reference:
          if (!reference()) return false;
          break;
        case Byte::Bracket:
          if (sees("]]>")) return fail(at_, "Sequence ']]>' not allowed in content", "write ]]&gt;");
          ++at_;
          break;
        case Byte::Control:
        case Byte::High:
          if (!unusual()) return false;
          break;
        default:
          ++at_;
      }
    }
    return true;
  }

  /// `&amp;`, `&#10;`, `&#xa;`: without declarations there are five names and the numbers.
  bool reference() {
    const std::string_view body = rest().substr(1, rest().find(';', 1) - 1);
    if (body.empty() || !(body[0] == '#' || begins_name(body[0])))
      return fail(at_, "xmlParseEntityRef: no name", "write &amp; for '&'");
    if (body[0] == '#') {
      const bool hexadecimal = body.substr(1).starts_with('x');
      const std::string_view digits = body.substr(hexadecimal ? 2 : 1);
      const bool clean = !digits.empty() && std::ranges::all_of(digits, [&](char c) {
        return (c >= '0' && c <= '9') || (hexadecimal && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')));
      });
      const auto code = clean ? unsigned_64(digits, hexadecimal ? Radix::Hexadecimal : Radix::Decimal) : std::nullopt;
      if (!code || !is_xml_character(*code) || rest().size() <= body.size() + 1)
        return fail(at_, "xmlParseCharRef: invalid value", "a number like &#10; or &#xa; of a character of XML");
      return skip_to(at_ + body.size() + 2);
    }
    for (const std::string_view known : {"amp;", "lt;", "gt;", "quot;", "apos;"})
      if (rest().substr(1).starts_with(known)) return skip_to(at_ + 1 + known.size());
    const auto name_end = std::ranges::find_if_not(body, continues_name);
    const std::string_view name(body.begin(), name_end);
    if (name.size() != body.size() || rest().size() <= body.size() + 1)
      return fail(at_, "EntityRef: expecting ';'", "write &amp; for '&'");
    return fail(at_, fmt::format("Entity '{}' not defined", name), "write the text itself, or &amp; for '&'");
  }

  bool name(std::string_view& name) {
    const std::size_t begin = at_;
    if (!begins_name(peek())) return false;
    for (skip_name_bytes(); byte_of(peek()) == Byte::High; skip_name_bytes())
      if (!unusual()) return false;
    name = {text_.data() + begin, at_ - begin};
    return true;
  }

  /// `name = 'value'`; what precedes it has been skipped.
  bool attribute(std::string_view& name, std::string_view& value) {
    return plain_attribute(name, value) || any_attribute(name, value);
  }

  /// The same where it is as nearly all are: ASCII, without blanks around the '=' and without references. Moves no
  /// further where it is not.
  bool plain_attribute(std::string_view& name, std::string_view& value) {
    const char* const begin = text_.data() + at_;
    const char* at = begin;
    if (byte_of(*at) != Byte::NameStart) return false;
    while (byte_of(*at) == Byte::NameStart || byte_of(*at) == Byte::NameRest) ++at;
    if (*at != '=' || byte_of(at[1]) != Byte::Quote) return false;
    const char* const value_begin = at + 2;
    const char* end = value_begin;
    while (byte_of(*end) <= Byte::NameStart) ++end;
    if (*end != at[1]) return false;
    name = {begin, at};
    value = {value_begin, end};
    at_ += static_cast<std::size_t>(end + 1 - begin);
    return true;
  }

  bool any_attribute(std::string_view& name, std::string_view& value) {
    const std::size_t begin = at_;
    if (!this->name(name)) return fail(begin, "error parsing attribute name", "attributes look like name='value'");
    skip_blanks();
    if (peek() != '=')
      return fail(begin, fmt::format("Specification mandates value for attribute {}", name), "write name='value'");
    ++at_;
    skip_blanks();
    if (byte_of(peek()) != Byte::Quote)
      return fail(begin, "AttValue: \" or ' expected", fmt::format("put the value of {} into quotes", name));
    const char quote = text_[at_++];
    const std::size_t value_begin = at_;
    for (skip_ordinary(); !at_end() && text_[at_] != quote; skip_ordinary()) {
      switch (byte_of(text_[at_])) {
        case Byte::Markup:
          return fail(at_, "Unescaped '<' not allowed in attributes values", "write &lt;");
        case Byte::Reference:
          if (!reference()) return false;
          break;
        case Byte::Control:
        case Byte::High:
          if (!unusual()) return false;
          break;
        default:
          ++at_;
      }
    }
    if (at_end()) return fail(begin, "AttValue: ' expected", "close the value with its quote");
    value = {text_.data() + value_begin, at_ - value_begin};
    ++at_;
    return true;
  }

  bool start_tag() {
    const std::size_t begin = at_++;
    std::string_view element;
    if (!name(element)) return fail(begin, "StartTag: invalid element name", "write &lt; for a '<' that begins no tag");
    if (open_.size() == kElementDepthMax)
      return fail(begin, fmt::format("Excessive depth in document: {}", kElementDepthMax),
                  "libvirt reads no deeper XML either", "E004");
    attributes_.clear();
    for (;;) {
      const std::size_t blanks = at_;
      skip_blanks();
      if (at_end())
        return fail(begin, fmt::format("Couldn't find end of Start Tag {}", element), "close the tag with '>'");
      if (peek() == '/' && peek(1) == '>') {
        at_ += 2;
        return attributes_are_unique();
      }
      if (peek() == '>') {
        ++at_;
        open_.push_back(element);
        return attributes_are_unique();
      }
      if (at_ == blanks) return fail(at_, "attributes construct error", "put a blank between attributes");
      std::string_view name;
      std::string_view value;
      if (!attribute(name, value)) return false;
      attributes_.push_back(name);
    }
  }

  /// Few attributes are compared each with each; more are sorted first, so that a tag with very many of them takes no
  /// quadratic time.
  bool attributes_are_unique() {
    constexpr std::size_t kFew = 8;
    if (attributes_.size() < 2) return true;
    if (attributes_.size() > kFew) std::ranges::sort(attributes_, std::ranges::less{}, by_name_and_offset);
    const std::size_t reach = attributes_.size() > kFew ? 1 : kFew;
    for (std::size_t i = 1; i < attributes_.size(); ++i)
      for (std::size_t back = 1; back <= std::min(i, reach); ++back)
        if (attributes_[i] == attributes_[i - back])
          return fail(offset_of(attributes_[i]), fmt::format("Attribute {} redefined", attributes_[i]),
                      "give the attribute once");
    return true;
  }

  static std::pair<std::string_view, const char*> by_name_and_offset(std::string_view name) {
    return {name, name.data()};
  }

  bool end_tag() {
    const std::size_t begin = at_;
    at_ += 2;
    const std::string_view opened = open_.back();
    if (rest().starts_with(opened) && peek(opened.size()) == '>') {  // nearly always
      at_ += opened.size() + 1;
      open_.pop_back();
      return true;
    }
    std::string_view element;
    if (!name(element) || element != open_.back())
      return fail(begin, fmt::format("Opening and ending tag mismatch: {} and {}", open_.back(), element),
                  fmt::format("close <{0}> with </{0}> first", open_.back()));
    skip_blanks();
    if (peek() != '>') return fail(begin, "expected '>'", fmt::format("write </{}>", element));
    ++at_;
    open_.pop_back();
    return true;
  }

  [[nodiscard]] std::size_t offset_of(std::string_view part) const {
    return static_cast<std::size_t>(part.data() - text_.data());
  }

  std::string_view text_;  ///< of a std::string: a NUL follows
  std::size_t at_ = 0;
  bool is_utf8_ = true;
  std::vector<std::string_view> open_;
  std::vector<std::string_view> attributes_;
  Error error_;
};

}  // namespace

Refusal unreadable(std::string rule, std::size_t offset, std::string message, std::string remedy) {
  return Refusal(
      Error{ErrorKind::Unreadable, std::move(rule), "XML error: " + std::move(message), {}, std::move(remedy), offset});
}

Result<void> check_well_formed(const std::string& text) { return Scanner(text).run(); }

}  // namespace busproof::domain
