#include "engine/domain/xml_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <ostream>
#include <string>

namespace busproof::domain {
namespace {

using testing::HasSubstr;

Error error_of(const std::string& text) {
  auto document = XmlDocument::parse(text);
  if (document) {
    ADD_FAILURE() << "taken: " << text.substr(0, 200);
    return {};
  }
  EXPECT_EQ(document.error().kind, ErrorKind::Unreadable);
  EXPECT_TRUE(document.error().offset) << document.error().message;
  return document.error();
}

/// A text that is not well-formed, what libxml2 says to it, and where.
struct Malformed {
  std::string text;
  std::string key_words;
  std::size_t offset;
  friend void PrintTo(const Malformed& malformed, std::ostream* out) { *out << malformed.text.substr(0, 60); }
};

class MalformedText : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedText, IsUnreadableForTheReasonLibxml2Gives) {
  const Error error = error_of(GetParam().text);
  EXPECT_THAT(error.message, HasSubstr(GetParam().key_words)) << GetParam().text;
  EXPECT_EQ(error.offset, GetParam().offset) << GetParam().text;
  EXPECT_THAT(error.rule, testing::StartsWith("E00"));
}

INSTANTIATE_TEST_SUITE_P(
    Whole, MalformedText,
    testing::Values(Malformed{"", "Document is empty", 0}, Malformed{" \n", "Start tag expected, '<' not found", 2},
                    Malformed{"hello", "Start tag expected, '<' not found", 0},
                    Malformed{"<a/><b/>", "Extra content at the end of the document", 4},
                    Malformed{"<a/>x", "Extra content at the end of the document", 4},
                    Malformed{"<a/><!DOCTYPE a>", "Extra content at the end of the document", 4},
                    Malformed{" <?xml version='1.0'?><a/>", "XML declaration allowed only at the start", 1},
                    Malformed{"<?xml encoding='UTF-8'?><a/>", "Malformed declaration expecting version", 0},
                    Malformed{"<?xml version=1.0?><a/>", "AttValue", 6}, Malformed{"<![CDATA[x]]><a/>", "StartTag", 0},
                    Malformed{"<![CDATA[x]]>", "StartTag", 0}, Malformed{"<a>", "Premature end of data in tag a", 0},
                    Malformed{"<a><b></b>", "Premature end of data in tag a", 0},
                    Malformed{"<a", "Couldn't find end of Start Tag a", 0}, Malformed{"<", "invalid element name", 0}));

INSTANTIATE_TEST_SUITE_P(
    Tags, MalformedText,
    testing::Values(Malformed{"<a><b></a></b>", "Opening and ending tag mismatch: b and a", 6},
                    Malformed{"<a></A>", "tag mismatch", 3}, Malformed{"<a></a x='1'>", "expected '>'", 3},
                    Malformed{"<a></ a>", "tag mismatch", 3}, Malformed{"< a/>", "invalid element name", 0},
                    Malformed{"<1a/>", "invalid element name", 0}, Malformed{"<-a/>", "invalid element name", 0},
                    Malformed{"<a><!ELEMENT x></a>", "invalid element name", 3},
                    Malformed{"<a / >", "error parsing attribute name", 3}));

INSTANTIATE_TEST_SUITE_P(Attributes, MalformedText,
                         testing::Values(Malformed{"<a x='1' x='2'/>", "Attribute x redefined", 9},
                                         Malformed{"<a x='1' y='2' x='3'/>", "Attribute x redefined", 15},
                                         Malformed{"<a x=1/>", "AttValue", 3},
                                         Malformed{"<a x/>", "mandates value for attribute x", 3},
                                         Malformed{"<a x='1'y='2'/>", "attributes construct error", 8},
                                         Malformed{"<a x='<'/>", "Unescaped '<' not allowed", 6},
                                         Malformed{"<a x='1/>", "AttValue", 3},
                                         Malformed{"<a x='&foo;'/>", "Entity 'foo' not defined", 6}));

INSTANTIATE_TEST_SUITE_P(
    Content, MalformedText,
    testing::Values(Malformed{"<a>&foo;</a>", "Entity 'foo' not defined", 3},
                    Malformed{"<a>b & c</a>", "xmlParseEntityRef: no name", 5},
                    Malformed{"<a>&</a>", "xmlParseEntityRef: no name", 3}, Malformed{"<a>&;</a>", "no name", 3},
                    Malformed{"<a>&lt</a>", "EntityRef: expecting ';'", 3}, Malformed{"<a>&#0;</a>", "CharRef", 3},
                    Malformed{"<a>&#x110000;</a>", "CharRef", 3}, Malformed{"<a>&#xD800;</a>", "CharRef", 3},
                    Malformed{"<a>&#10</a>", "CharRef", 3}, Malformed{"<a>&#xg;</a>", "CharRef", 3},
                    Malformed{"<a>&#;</a>", "CharRef", 3}, Malformed{"<a>&#+1;</a>", "CharRef", 3},
                    Malformed{"<a>]]></a>", "Sequence ']]>' not allowed", 3},
                    Malformed{"<a><!-- b -- c --></a>", "Double hyphen within comment", 10},
                    Malformed{"<a><!-- b ---></a>", "Double hyphen within comment", 10},
                    Malformed{"<a><!-- b", "Comment not terminated", 3},
                    Malformed{"<a><![CDATA[ b", "CData section not finished", 3},
                    Malformed{"<a><?p b></a>", "PI p never end", 3},
                    Malformed{"<a><?"
                              "?></a>",
                              "no target name", 3},
                    Malformed{"<a><?xml b?></a>", "XML declaration allowed only at the start", 3}));

INSTANTIATE_TEST_SUITE_P(Bytes, MalformedText,
                         testing::Values(Malformed{"<a>\x01</a>", "invalid character 0x01", 3},
                                         Malformed{"<a x='\x1f'/>", "invalid character 0x1f", 6},
                                         Malformed{"<a><!--\x02--></a>", "invalid character", 7},
                                         Malformed{"<a><![CDATA[\x02]]></a>", "invalid character", 12},
                                         Malformed{"<a>\xff</a>", "Input is not proper UTF-8", 3},
                                         Malformed{"<a>\xc3</a>", "Input is not proper UTF-8", 3},
                                         Malformed{"<a>\xc0\x80</a>", "Input is not proper UTF-8", 3},
                                         Malformed{"<a>\xed\xa0\x80</a>", "Input is not proper UTF-8", 3},
                                         Malformed{"<a>\xef\xbf\xbe</a>", "Input is not proper UTF-8", 3},
                                         Malformed{"<a>\xf5\x80\x80\x80</a>", "Input is not proper UTF-8", 3},
                                         Malformed{"<a><!--\xff--></a>", "Input is not proper UTF-8", 7},
                                         Malformed{"<\xff/>", "invalid element name", 0},
                                         Malformed{std::string("<a>\0</a>", 8), "NUL byte", 3}));

INSTANTIATE_TEST_SUITE_P(Doctypes, MalformedText,
                         testing::Values(Malformed{"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
                                                   "DOCTYPE with declarations", 0},
                                         Malformed{"<!DOCTYPE a SYSTEM 'x' [ ]><a/>", "DOCTYPE with declarations", 0},
                                         Malformed{"<!DOCTYPE a", "DOCTYPE improperly terminated", 0},
                                         Malformed{"<!DOCTYPE a 'b", "DOCTYPE improperly terminated", 0},
                                         Malformed{"<!DOCTYPE a><!DOCTYPE a><a/>", "invalid element name", 12}));

class WellFormedText : public testing::TestWithParam<std::string> {};

TEST_P(WellFormedText, IsReadAndKept) {
  const auto document = XmlDocument::parse(GetParam());
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(document->text(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    All, WellFormedText,
    testing::Values("<a/>", "<a></a >", "<a\n x = '1'\t y=\"2\"\r/>", "<a x='>' y=\"'\">]]&gt; > ] ]] \"'</a>",
                    "<?xml version='1.0' encoding=\"utf-8\" standalone='yes'?>\n<!-- x --><?p?><a/>\n<!-- y --><?q r?>",
                    "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xff</a>", "\xef\xbb\xbf<a/>",
                    "<a>\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f</a>", "<\xc3\xa9/>",
                    "<a>&amp;&lt;&gt;&quot;&apos;&#10;&#x10FFFF;</a>", "<!DOCTYPE a><a/>",
                    "<!DOCTYPE a PUBLIC '-//x>' \"y[\"><a/>", "<a><![CDATA[</a><!-- &foo; ]] >]]></a>",
                    "<a><!-- </a> <b> &foo; - --></a>", "<a><?p </a> > ?></a>", "<q:a xmlns:q='x' q:b='1' b='2'/>"));

TEST(XmlDocument, NamesTheRemedyForUtf16) {
  using namespace std::string_literals;
  for (const std::string& text : {"\xff\xfe<\0a\0/\0>\0"s, "\xfe\xff\0<\0a\0/\0>"s, "<\0a\0/\0>\0"s, "\0<\0a\0/\0>"s,
                                  "\0\0\xfe\xff\0\0\0<"s, "\xff\xfe\0\0<\0\0\0"s}) {
    const Error error = error_of(text);
    EXPECT_THAT(error.message, HasSubstr("UTF-16"));
    EXPECT_THAT(error.remedy, HasSubstr("iconv -t UTF-8"));
    EXPECT_EQ(error.rule, "E002");
  }
  EXPECT_THAT(error_of("<?xml version='1.0' encoding='utf-16'?><a/>").message,
              HasSubstr("labelled utf-16 but has UTF-8 content"));
}

std::string nested(std::size_t depth) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += "<a>";
  for (std::size_t i = 0; i < depth; ++i) text += "</a>";
  return text;
}

TEST(XmlDocument, ReadsAsDeepAsLibvirtAndNoDeeper) {
  EXPECT_TRUE(XmlDocument::parse(nested(256)));
  const Error error = error_of(nested(257));
  EXPECT_THAT(error.message, HasSubstr("Excessive depth in document: 256"));
  EXPECT_EQ(error.rule, "E004");
  EXPECT_EQ(error.offset, 256U * 3);
  EXPECT_EQ(error_of(nested(100'000)).rule, "E004");
}

TEST(XmlDocument, RefusesWhatNoDomainNeeds) {
  const Error error = error_of(std::string(XmlDocument::kTextMaxBytes + 1, ' '));
  EXPECT_THAT(error.message, HasSubstr("larger than 64 MiB"));
  EXPECT_EQ(error.rule, "E004");
}

/// Twice as much may take some times as long, but not the square of it.
TEST(XmlDocument, TakesNoLongerThanTheTextIsLong) {
  const auto begin = std::chrono::steady_clock::now();
  std::string many_attributes = "<a";
  for (int i = 0; i < 100'000; ++i) many_attributes += " a" + std::to_string(i) + "=''";
  EXPECT_TRUE(XmlDocument::parse(many_attributes + "/>"));
  EXPECT_FALSE(XmlDocument::parse("<a>" + std::string(1'000'000, '&') + "</a>"));
  EXPECT_FALSE(XmlDocument::parse("<a>" + std::string(1'000'000, '<') + "</a>"));
  EXPECT_TRUE(XmlDocument::parse("<a>" + std::string(1'000'000, ']') + "</a>"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(PlaceOf, CountsLinesAndBytesFromOne) {
  const std::string text = "<a>\n  <b/>\r\n</a>";
  EXPECT_EQ(place_of(text, 0), (TextPlace{1, 1}));
  EXPECT_EQ(place_of(text, 3), (TextPlace{1, 4}));
  EXPECT_EQ(place_of(text, 4), (TextPlace{2, 1}));
  EXPECT_EQ(place_of(text, 6), (TextPlace{2, 3}));
  EXPECT_EQ(place_of(text, 12), (TextPlace{3, 1}));
  EXPECT_EQ(place_of(text, 999), (TextPlace{3, 5}));
  EXPECT_EQ(place_of("", 0), (TextPlace{1, 1}));
}

}  // namespace
}  // namespace busproof::domain
