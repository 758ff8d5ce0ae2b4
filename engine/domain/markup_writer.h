#pragma once

#include <array>
#include <cassert>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/base/hexadecimal.h"

/// Writes XML, of which it knows nothing but the form.
namespace busproof::domain {

/// Writes "0x001f", with at least that many digits and at most 16; gives where it ends.
[[gnu::always_inline]] inline char* put_number(char* at, std::uint64_t value, unsigned digits_min) {
  *at++ = '0';
  *at++ = 'x';
  unsigned digits = digits_min;
  while (digits < 16 && (value >> (4 * digits)) != 0) ++digits;
  if (digits == digits_min && digits <= 8) return put_hexadecimal(at, static_cast<std::uint32_t>(value), digits_min);
  for (unsigned left = digits; left > 0; value >>= 4U) at[--left] = kSmallHexadecimal[value & 0xfU];
  return at + digits;
}

/// How the document around is written.
struct MarkupStyle {
  char quote = '\'';
  std::string unit;  ///< one step of indentation; empty on one line
};

/// Writes elements at the end of a text, each with the separator before it: the line end and the indentation.
/// `<name a='b'/>`, or `<name …>…</name>` with its children on lines of their own when the separator holds a line end.
/// Values hold nothing that needs escaping. `text` and `style` must outlive it; the text is whole once the writer is
/// gone. Writing is a good part of what assign does: so most of this is inline, and the text grows by leaps.
class MarkupWriter {
 public:
  MarkupWriter(std::string& text, std::string_view separator, const MarkupStyle& style)
      : text_(text),
        size_(text.size()),
        quote_(style.quote),
        separator_bytes_(separator.size()),
        separators_(separator) {
    if (!separator.empty()) unit_ = style.unit;
  }
  MarkupWriter(const MarkupWriter&) = delete;
  MarkupWriter& operator=(const MarkupWriter&) = delete;
  ~MarkupWriter() { text_.resize(size_); }

  [[gnu::always_inline]] void begin(std::string_view name) {
    assert(depth_ < kDepthMax);
    const std::string_view separator = this->separator();
    char* at = room_for(kMarks + name.size() + separator.size());
    if (in_start_tag_) *at++ = '>';
    at = put(at, separator);
    *at++ = '<';
    wrote_up_to(put(at, name));
    open_[depth_++] = name;
    in_start_tag_ = true;
    has_children_ = false;
  }

  void end() {
    const std::string_view name = open_[--depth_];
    const std::string_view separator = this->separator();
    char* at = room_for(kMarks + name.size() + separator.size());
    if (in_start_tag_) {
      at = put(at, "/>");
    } else {
      if (has_children_) at = put(at, separator);
      at = put(put(put(at, "</"), name), ">");
    }
    wrote_up_to(at);
    in_start_tag_ = false;
    has_children_ = true;
  }

  /// Of the element that was begun last, before its children.
  [[gnu::always_inline]] void attribute(std::string_view name, std::string_view value) {
    char* const at = put_name(room_for(kMarks + name.size() + value.size()), name);
    end_value(put(at, value));
  }
  [[gnu::always_inline]] void decimal(std::string_view name, std::uint64_t value) {
    char* const at = put_name(room_for(kMarks + name.size() + kNumberBytesMax), name);
    end_value(value < 10 ? put(at, std::string_view(&kSmallHexadecimal[value], 1))
                         : std::to_chars(at, at + kNumberBytesMax, value).ptr);
  }
  /// "0x001f", with at least that many digits.
  [[gnu::always_inline]] void hexadecimal(std::string_view name, std::uint64_t value, unsigned digits_min) {
    char* const at = put_name(room_for(kMarks + name.size() + kNumberBytesMax), name);
    end_value(put_number(at, value, digits_min));
  }

  /// What stands between the tags of an element that has no children.
  void content(std::string_view text) {
    char* at = room_for(kMarks + text.size());
    if (in_start_tag_) *at++ = '>';
    in_start_tag_ = false;
    wrote_up_to(put(at, text));
  }

 private:
  static constexpr std::size_t kDepthMax = 4;  // devices, controller, address, zpci
  static constexpr std::size_t kMarks = 4;     // what stands around a name or a value: ` ='…'`, `></…>`
  static constexpr std::size_t kNumberBytesMax = 20;

  // Through a pointer that is nobody's member: a byte that is written might be part of any other.

  [[gnu::always_inline]] char* room_for(std::size_t bytes) {
    if (text_.size() - size_ < bytes) [[unlikely]]
      grow(bytes);
    return text_.data() + size_;
  }
  [[gnu::cold]] void grow(std::size_t bytes);
  void wrote_up_to(const char* at) { size_ = static_cast<std::size_t>(at - text_.data()); }
  [[gnu::always_inline]] static char* put(char* at, std::string_view piece) {
    std::memcpy(at, piece.data(), piece.size());
    return at + piece.size();
  }
  /// What stands before an element of this depth.
  std::string_view separator() {
    const std::size_t size = separator_bytes_ + depth_ * unit_.size();
    while (separators_.size() < size) separators_ += unit_;
    return {separators_.data(), size};
  }
  [[gnu::always_inline]] char* put_name(char* at, std::string_view name) const {
    *at++ = ' ';
    at = put(at, name);
    *at++ = '=';
    *at++ = quote_;
    return at;
  }
  [[gnu::always_inline]] void end_value(char* at) {
    *at++ = quote_;
    wrote_up_to(at);
  }

  std::string& text_;
  std::size_t size_;  ///< of what is written; the text has room behind it
  char quote_;
  std::string_view unit_{};
  std::size_t separator_bytes_;
  std::string separators_;  ///< that of the greatest depth so far, with which those of all others begin
  std::array<std::string_view, kDepthMax> open_{};  ///< names of the elements that were begun and not ended
  std::size_t depth_ = 0;
  bool in_start_tag_ = false;
  bool has_children_ = false;  ///< the element that was ended or begun last, or the one around it
};

/// Appends what `write(writer)` writes to the text.
template <class Write>
void append_markup(std::string& text, std::string_view separator, const MarkupStyle& style, const Write& write) {
  MarkupWriter writer(text, separator, style);
  write(writer);
}

}  // namespace busproof::domain
