#include "engine/domain/markup_writer.h"

#include <gtest/gtest.h>

#include <limits>

namespace busproof::domain {
namespace {

const MarkupStyle kStyle{'\'', "  "};

std::string appended(std::string_view separator, const auto& write) {
  std::string text = "before";
  append_markup(text, separator, kStyle, write);
  return text;
}

TEST(MarkupWriter, WritesAnEmptyElement) {
  EXPECT_EQ(appended("\n",
                     [](MarkupWriter& writer) {
                       writer.begin("zpci");
                       writer.end();
                     }),
            "before\n<zpci/>");
}

TEST(MarkupWriter, IndentsChildrenAndNotText) {
  EXPECT_EQ(
      appended("\r\n\t",
               [](MarkupWriter& writer) {
                 writer.begin("controller");
                 writer.attribute("type", "pci");
                 writer.begin("target");
                 writer.begin("node");
                 writer.content("1");
                 writer.end();
                 writer.end();
                 writer.begin("address");
                 writer.attribute("type", "pci");
                 writer.end();
                 writer.end();
                 writer.begin("memballoon");
                 writer.end();
               }),
      "before\r\n\t<controller type='pci'>\r\n\t  <target>\r\n\t    <node>1</node>\r\n\t  </target>\r\n\t  <address "
      "type='pci'/>\r\n\t</controller>\r\n\t<memballoon/>");
}

TEST(MarkupWriter, StaysOnOneLineWhereTheDocumentDoes) {
  EXPECT_EQ(appended("",
                     [](MarkupWriter& writer) {
                       writer.begin("target");
                       writer.begin("node");
                       writer.content("1");
                       writer.end();
                       writer.end();
                     }),
            "before<target><node>1</node></target>");
}

TEST(MarkupWriter, WritesNumbersOfAnySize) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(appended("",
                     [](MarkupWriter& writer) {
                       writer.begin("a");
                       writer.decimal("zero", 0);
                       writer.decimal("ten", 10);
                       writer.decimal("most", kMax);
                       writer.hexadecimal("one", 0, 1);
                       writer.hexadecimal("four", 0x1f, 4);
                       writer.hexadecimal("more", 0x12345, 4);
                       writer.hexadecimal("all", kMax, 1);
                       writer.end();
                     }),
            "before<a zero='0' ten='10' most='18446744073709551615' one='0x0' four='0x001f' more='0x12345' "
            "all='0xffffffffffffffff'/>");
}

TEST(MarkupWriter, GrowsTheTextAsFarAsItHasTo) {
  const std::string value(3000, 'v');
  std::string expected = "before";
  for (int i = 0; i < 3; ++i) expected += "\n<a b='" + value + "'/>";
  EXPECT_EQ(appended("\n",
                     [&](MarkupWriter& writer) {
                       for (int i = 0; i < 3; ++i) {
                         writer.begin("a");
                         writer.attribute("b", value);
                         writer.end();
                       }
                     }),
            expected);
}

}  // namespace
}  // namespace busproof::domain
