#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/pci/address.h"

/// A record's JSON, written and read without a tree of values in between: nothing is written and read more often. A
/// record is read as it was written, member by member in that order: its checksum says that nobody else wrote it. For
/// records.cpp only.
namespace busproof::host {

/// The names of an enumeration's values: kCount of them, and name(value). Specialised for those that stand in records.
template <class Enum>
struct NamesOf;

/// The members of an object, said once for both ways: tell(form, value) names them to a writer or a reader. Specialised
/// for what stands in records.
template <class Value>
struct MembersOf;

/// Writes the members of an object down, one behind the other.
class RecordWriter {
 public:
  /// Behind that many blanks, for a checksum.
  explicit RecordWriter(std::size_t blanks) : text_(kUsualSize, ' '), size_(blanks) {}
  /// What was written.
  std::string text() && {
    text_.resize(size_);
    return std::move(text_);
  }

  template <std::size_t kSize, class Value>
  void member(const char (&name)[kSize], const Value& value) {
    constexpr std::size_t kLength = kSize - 1, kMarks = 4;
    char* at = room(kLength + kMarks);
    if (text_[size_ - 1] != '{') *at++ = ',';
    *at++ = '"';
    at = std::copy_n(name, kLength, at);
    *at++ = '"';
    *at++ = ':';
    size_ = static_cast<std::size_t>(at - text_.data());
    put(value);
  }
  /// One that is not there when it says nothing.
  template <std::size_t kSize, class Value>
  void member_if_any(const char (&name)[kSize], const Value& value) {
    if (value != Value{}) member(name, value);
  }
  void version(int known) { member("version", static_cast<unsigned>(known)); }
  /// One that follows from the others, and is there for who reads the file.
  template <std::size_t kSize>
  void remark(const char (&name)[kSize], std::string_view value) {
    member(name, value);
  }

  template <class Value>
  void object(const Value& value) {
    append('{');
    MembersOf<Value>::tell(*this, value);
    append('}');
  }

 private:
  static constexpr std::size_t kUsualSize = 2048;
  /// The characters that stand for themselves between quotes.
  static constexpr auto kIsPlain = [] {
    constexpr std::size_t kCharacterCount = 256;
    std::array<bool, kCharacterCount> plain{};
    for (std::size_t c = ' '; c <= '~'; ++c) plain[c] = c != '"' && c != '\\';
    return plain;
  }();

  /// Where to write on; there is room for so many more.
  [[gnu::always_inline]] char* room(std::size_t more) {
    if (size_ + more > text_.size()) [[unlikely]]
      text_.resize(2 * text_.size() + more);
    return text_.data() + size_;
  }
  void append(char c) {
    *room(1) = c;
    ++size_;
  }
  void append(std::string_view text) {
    std::ranges::copy(text, room(text.size()));
    size_ += text.size();
  }

  void put(std::string_view value) {
    bool is_plain = true;
    for (const char c : value) is_plain &= kIsPlain[static_cast<unsigned char>(c)];
    if (is_plain) return put_plain(value);
    append(nlohmann::json(value).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
  }
  void put_plain(std::string_view value) {
    char* at = room(value.size() + 2);
    *at++ = '"';
    at = std::ranges::copy(value, at).out;
    *at++ = '"';
    size_ = static_cast<std::size_t>(at - text_.data());
  }
  void put(const std::string& value) { put(std::string_view(value)); }
  void put(const pci::HostAddress& value) { put_plain(to_string(value)); }
  void put(bool value) { append(value ? std::string_view("true") : "false"); }
  template <std::unsigned_integral Number>
  void put(Number value) {
    constexpr std::size_t kDigitsMax = 20;
    char* at = room(kDigitsMax);
    size_ += static_cast<std::size_t>(std::to_chars(at, at + kDigitsMax, value).ptr - at);
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void put(Enum value) {
    put_plain(NamesOf<Enum>::name(value));
  }
  template <class Value>
  void put(const std::optional<Value>& value) {
    if (value)
      put(*value);
    else
      append("null");
  }
  template <class Value>
  void put(const std::vector<Value>& list) {
    put_all(list);
  }
  template <class Value>
  void put(const std::set<Value>& list) {
    put_all(list);
  }
  template <class Value>
    requires std::is_class_v<Value>
  void put(const Value& value) {
    object(value);
  }
  template <class List>
  void put_all(const List& list) {
    append('[');
    for (const auto& each : list) {
      if (text_[size_ - 1] != '[') append(',');
      put(each);
    }
    append(']');
  }

  std::string text_;  ///< with room at its end
  std::size_t size_;
};

/// A value to be filled in. There is no address that is none, so a type that has one is specialised.
template <class Value>
Value blank() {
  return {};
}

/// Reads them back. What is not as it was written spoils the whole.
class RecordReader {
 public:
  explicit RecordReader(std::string_view text) : text_(text) {}

  template <class Value>
  void member(std::string_view name, Value& value) {
    if (!take_name(name)) return spoil();
    get(value);
  }
  template <class Value>
  void member_if_any(std::string_view name, Value& value) {
    if (take_name(name)) get(value);
  }
  void version(int known) {
    unsigned found = 0;
    member("version", found);
    newer_ = fine_ && found > static_cast<unsigned>(known);
    if (found != static_cast<unsigned>(known)) spoil();
  }
  void remark(std::string_view name, std::string_view) {
    std::string value;
    member(name, value);
  }

  template <class Value>
  void object(Value& value) {
    take('{');
    MembersOf<Value>::tell(*this, value);
    take('}');
  }

  /// All of it was read, and nothing was wrong.
  [[nodiscard]] bool fine() const { return fine_ && at_ == text_.size(); }
  /// A later version of this program wrote it.
  [[nodiscard]] bool newer() const { return newer_; }

 private:
  void spoil() { fine_ = false; }
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  bool take_if(std::string_view wanted) {
    if (!fine_ || !rest().starts_with(wanted)) return false;
    at_ += wanted.size();
    return true;
  }
  void take(char wanted) {
    if (!take_if({&wanted, 1})) spoil();
  }
  bool take_name(std::string_view name) {
    const std::size_t before = at_;
    const bool first = before > 0 && text_[before - 1] == '{';
    if (take_if(first ? "\"" : ",\"") && take_if(name) && take_if("\":")) return true;
    at_ = before;
    return false;
  }

  void get(std::string& value) {
    take('"');
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    if (!fine_ || at_ >= text_.size()) return spoil();
    const std::string_view quoted = text_.substr(begin, at_ - begin);
    ++at_;
    if (!quoted.contains('\\')) {
      value = quoted;
      return;
    }
    const auto json = nlohmann::json::parse(text_.substr(begin - 1, quoted.size() + 2), nullptr, false);
    if (!json.is_string()) return spoil();
    value = json.get<std::string>();
  }
  void get(pci::HostAddress& value) {
    std::string text;
    get(text);
    if (!fine_) return;
    const auto address = pci::HostAddress::parse(text);
    if (!address) return spoil();
    value = *address;
  }
  void get(bool& value) {
    value = take_if("true");
    if (!value && !take_if("false")) spoil();
  }
  template <std::unsigned_integral Number>
  void get(Number& value) {
    const auto [end, error] = std::from_chars(rest().data(), rest().data() + rest().size(), value);
    if (!fine_ || error != std::errc()) return spoil();
    at_ = static_cast<std::size_t>(end - text_.data());
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void get(Enum& value) {
    std::string name;
    get(name);
    std::size_t number = 0;
    while (number < NamesOf<Enum>::kCount && NamesOf<Enum>::name(static_cast<Enum>(number)) != name) ++number;
    if (number == NamesOf<Enum>::kCount) return spoil();
    value = static_cast<Enum>(number);
  }
  template <class Value>
  void get(std::optional<Value>& value) {
    value.reset();
    if (!take_if("null")) get(value.emplace(blank<Value>()));
  }
  template <class Value>
  void get(std::vector<Value>& list) {
    get_all<Value>([&](Value&& value) { list.push_back(std::move(value)); });
  }
  template <class Value>
  void get(std::set<Value>& list) {
    get_all<Value>([&](Value&& value) { list.insert(std::move(value)); });
  }
  template <class Value>
    requires std::is_class_v<Value>
  void get(Value& value) {
    object(value);
  }
  template <class Value, class Keep>
  void get_all(Keep keep) {
    take('[');
    for (bool first = true; fine_ && !take_if("]"); first = false) {
      if (!first) take(',');
      auto value = blank<Value>();
      get(value);
      keep(std::move(value));
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool fine_ = true, newer_ = false;
};

}  // namespace busproof::host
