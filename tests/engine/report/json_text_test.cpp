#include "engine/report/json_text.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace busproof::report {
namespace {

TEST(JsonText, SpellsWhatAValueIsSpelledLike) {
  const Json inner = {{"message", "bad"}, {"line", 3}};
  JsonText text(0);
  text.open_object();
  text.text("plain", "0000:01:00.0 -> 0000:02:00.0");
  text.text("hostile", "a\"b\\c\n\x01 \xc3\xa9 \xff");
  text.text_or_null("empty", "");
  text.number("count", 42);
  text.open_array("none");
  text.close();
  text.open_array("some");
  text.open_object();
  text.text("observer", "Linux");
  text.close();
  text.open_object();
  text.close();
  text.close();
  text.value("error", inner);
  text.null("last");
  text.close();

  const Json value = {{"plain", "0000:01:00.0 -> 0000:02:00.0"},
                      {"hostile", "a\"b\\c\n\x01 \xc3\xa9 \xff"},
                      {"empty", nullptr},
                      {"count", 42},
                      {"none", Json::array()},
                      {"some", Json::array({Json{{"observer", "Linux"}}, Json::object()})},
                      {"error", inner},
                      {"last", nullptr}};
  EXPECT_EQ(std::move(text).take(), dumped(value));
}

TEST(JsonText, BeginsWhereItIsToldTo) {
  JsonText text(4);
  text.open_object();
  text.null("a");
  text.close();
  EXPECT_EQ(std::move(text).take(), "{\n      \"a\": null\n    }");
}

}  // namespace
}  // namespace busproof::report
