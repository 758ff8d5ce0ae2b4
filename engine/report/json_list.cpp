#include "engine/report/json_list.h"

#include <fmt/format.h>

#include "engine/report/json_text.h"

namespace busproof::report {

std::string JsonList::add(const Json& member) {
  JsonText text(columns());
  text.value({}, member);
  return add_text(std::move(text).take());
}

std::string JsonList::add_text(std::string_view member) {
  std::string text = is_empty_ ? "\n" : ",\n";
  is_empty_ = false;
  text.append(columns(), ' ');
  return text += member;
}

std::string JsonList::end() const { return is_empty_ ? std::string() : '\n' + std::string(columns_, ' '); }

std::pair<std::string, std::string> split_at_list(const Json& object, std::string_view key) {
  const std::string text = dumped(object);
  const std::string member = fmt::format("\"{}\": []", key);
  const std::size_t at = text.find(member) + member.size() - 1;
  return {text.substr(0, at), text.substr(at)};
}

}  // namespace busproof::report
