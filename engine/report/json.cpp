#include "engine/report/json.h"

#include "engine/domain/xml_document.h"

namespace busproof::report {

Json text_or_null(std::string_view text) { return text.empty() ? Json(nullptr) : Json(text); }

Json error_json(const Error& error, std::string_view text) {
  Json json = {
      {"rule", text_or_null(error.rule)},     {"message", error.message}, {"device", text_or_null(error.device)},
      {"remedy", text_or_null(error.remedy)}, {"line", nullptr},          {"column", nullptr},
  };
  if (error.offset) {
    const domain::TextPlace place = domain::place_of(text, *error.offset);
    json["line"] = place.line;
    json["column"] = place.column;
  }
  return json;
}

std::string dumped(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace); }

}  // namespace busproof::report
