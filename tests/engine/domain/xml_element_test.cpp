#include "engine/domain/xml_element.h"

#include <gtest/gtest.h>

namespace busproof::domain {
namespace {

TEST(XmlElement, IsWrittenWithItsChildrenAndEscaped) {
  const XmlElement root{
      .name = "a", .attributes = {{"b", "<\"&'>"}}, .children = {{.name = "c", .text = "x < y & z"}, {.name = "d"}}};
  EXPECT_EQ(document_text(root),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<a b=\"&lt;&quot;&amp;'>\">\n"
            "  <c>x &lt; y &amp; z</c>\n"
            "  <d />\n"
            "</a>\n");
}

TEST(XmlElement, HoldsNothingThatNoXmlMayHold) {
  const auto text_of = [](std::string text) {
    const std::string document = document_text({.name = "a", .text = std::move(text)});
    const std::size_t begin = document.find("<a>") + 3;
    return document.substr(begin, document.find("</a>") - begin);
  };
  EXPECT_EQ(text_of("\x01 \x1b[m"), "? ?[m");
  EXPECT_EQ(text_of("caf\xe9"), "caf?");  // Latin-1
  EXPECT_EQ(text_of("caf\xc3\xa9 \xf0\x9f\x98\x80"), "caf\xc3\xa9 \xf0\x9f\x98\x80");
  EXPECT_EQ(text_of("\xed\xa0\x80"), "???");              // a surrogate
  EXPECT_EQ(text_of("\xc0\xaf"), "??");                   // longer than need be
  EXPECT_EQ(text_of("\xef\xbf\xbe \xe2\x82"), "??? ??");  // U+FFFE, and a character cut off
}

}  // namespace
}  // namespace busproof::domain
