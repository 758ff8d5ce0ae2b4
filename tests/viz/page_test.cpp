#include "viz/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace busproof::viz {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

PageEntry entry(const std::string& device) {
  Cell cell{.name = "net0", .lines = {device}, .tooltip = device + "\nvirtio"};
  Node node{.heading = {.name = "bus-0", .tooltip = "bus 0"}, .rows = {{"01", {cell}}}};
  Graph graph;
  graph.nodes.push_back(node);
  Finding finding;
  finding.severity = Severity::Warning;
  finding.rule = "BP223";
  finding.device = device;
  finding.change = "now 0000:00:05.0";
  finding.witness = {{Observer::Linux, "enp1s0 becomes enp2s0"}};
  return {.name = "web01",
          .file = "web01.xml",
          .tree = "the tree",
          .graph = graph,
          .svg = "<?xml version=\"1.0\"?>\n<svg>picture</svg>",
          .findings = {finding}};
}

std::string page_of(const std::string& title, const std::vector<PageEntry>& entries) {
  return page(title, entries).value();
}

/// What the page's script reads.
json data_of(const std::string& page) {
  constexpr std::string_view kStart = "id=\"data\">";
  const std::size_t start = page.find(kStart) + kStart.size();
  return json::parse(page.substr(start, page.find("</script>", start) - start));
}

TEST(Page, LeadsFromAFindingToItsDevice) {
  const json data = data_of(page_of("web01", {entry("interface 52:54:00:00:00:01")}));
  EXPECT_EQ(data[0]["findings"][0]["id"], "net0");
  EXPECT_EQ(data[0]["findings"][0]["name"], "unplaced");
  EXPECT_EQ(data[0]["findings"][0]["witness"][0], "Linux: enp1s0 becomes enp2s0");
  EXPECT_EQ(data[0]["count"], "1 warning");
  EXPECT_EQ(data[0]["tree"], "the tree");
}

TEST(Page, HoldsThePictureWithoutItsProlog) {
  EXPECT_THAT(page_of("web01", {entry("net")}), HasSubstr("id=\"svg-0\"><svg>picture</svg></script>"));
}

TEST(Page, NeedsNothingBesidesItself) {
  const std::string text = page_of("web01", {entry("net")});
  EXPECT_THAT(text, HasSubstr("default-src 'none'"));
  for (const char* word : {"http://", "https://", "url(", "@import", "src="}) {
    const std::size_t found = text.find(word);
    EXPECT_TRUE(found == std::string::npos || text.substr(found).starts_with("http://www.w3.org/1999/xlink")) << word;
  }
}

TEST(Page, TakesTextForTextWhateverIsInIt) {
  const std::string hostile = "</script><script>alert(1)</script><!-- \"'&\\N \xff";
  const std::string text = page_of(hostile, {entry(hostile)});
  EXPECT_THAT(text, Not(HasSubstr("<script>alert")));
  EXPECT_EQ(data_of(text)[0]["findings"][0]["device"], "</script><script>alert(1)</script><!-- \"'&\\N \uFFFD");
  EXPECT_THAT(
      text, HasSubstr("<title>&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;!-- &quot;&#39;&amp;\\N \uFFFD"));
}

TEST(Page, IsSmallBesidesItsPictures) { EXPECT_LT(page_of("web01", {entry("net")}).size(), 30'000U); }

TEST(Page, PacksItsDataWhereItWouldBeTooMuch) {
  std::vector<PageEntry> entries(200, entry("net"));
  for (PageEntry& one : entries) one.tree = std::string(2'000, 'x');
  const std::string text = page_of("fleet", entries);
  EXPECT_LT(text.size(), kPageSizeMax);
  EXPECT_THAT(text, HasSubstr("<script type=\"application/gzip\" id=\"data\">H4sI"));
}

TEST(Page, IsRefusedWhereEvenPackingDoesNotHelp) {
  std::mt19937 digits;
  PageEntry much = entry("net");
  for (int i = 0; i < 500'000; ++i) much.tree += static_cast<char>('!' + digits() % 90);
  const auto none = page("fleet", {much, entry("net")});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("a page of 2 configs would take 5"));
  EXPECT_THAT(none.error().remedy, HasSubstr("-o FOLDER/ --html"));
}

TEST(Page, SaysWhatIsWrongWhereThereIsNoPicture) {
  const json data = data_of(page_of("web01", {{.name = "web01", .file = "web01.xml", .error = "refused"}}));
  EXPECT_EQ(data[0]["error"], "refused");
}

TEST(Page, CountsFindingsBySeverity) {
  EXPECT_EQ(count_text({}), "no findings");
  Findings findings(3);
  findings[0].severity = findings[1].severity = Severity::Error;
  findings[2].severity = Severity::Info;
  EXPECT_EQ(count_text(findings), "2 errors, 1 info");
}

TEST(IndexPage, LinksToPagesAndLoadsThumbnailsLate) {
  const std::string text =
      index_page("fleet", {{.name = "a & b", .page = "a.html", .thumbnail = "a.png", .remark = "1 error"}});
  EXPECT_THAT(
      text,
      HasSubstr(
          "<a href=\"./a.html\"><img loading=\"lazy\" decoding=\"async\" alt=\"\" src=\"./a.png\"><b>a &amp; b</b>"));
}

TEST(IndexPage, LinksNowhereElseWhateverAFileIsCalled) {
  const std::string text = index_page("fleet", {{.name = "x", .page = "javascript:alert(1)//\"#?.html"}});
  EXPECT_THAT(text, HasSubstr("<a href=\"./javascript%3Aalert%281%29%2F%2F%22%23%3F.html\">"));
}

}  // namespace
}  // namespace busproof::viz
