#include "engine/report/json_list.h"

#include <fmt/format.h>

namespace busproof::report {

std::string JsonList::add(const Json& member) {
  const std::string margin = '\n' + std::string(columns_ + 2, ' ');
  std::string text = is_empty_ ? margin : ',' + margin;
  is_empty_ = false;
  const std::string lines = dumped(member);
  std::size_t begin = 0;
  for (std::size_t end = lines.find('\n'); end != std::string::npos; end = lines.find('\n', begin)) {
    text.append(lines, begin, end - begin).append(margin);
    begin = end + 1;
  }
  return text.append(lines, begin);
}

std::string JsonList::end() const { return is_empty_ ? std::string() : '\n' + std::string(columns_, ' '); }

std::pair<std::string, std::string> split_at_list(const Json& object, std::string_view key) {
  const std::string text = dumped(object);
  const std::string member = fmt::format("\"{}\": []", key);
  const std::size_t at = text.find(member) + member.size() - 1;
  return {text.substr(0, at), text.substr(at)};
}

}  // namespace busproof::report
