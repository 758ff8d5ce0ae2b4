// Pages in a real browser, headless: what their scripts do, and that nothing is wrong in the console's eyes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/cli/command.h"

namespace busproof::cli_tests {
namespace {

using testing::HasSubstr;
using testing::Not;

/// The page as it is after its scripts and `script` have run, in `out`; the console in `err`.
Ran browse(const Folder& folder, const std::string& file, std::string_view script) {
  std::string text = folder.read(file);
  const std::size_t end = text.rfind("</body>");
  EXPECT_NE(end, std::string::npos);
  text.insert(end, "<script>" + std::string(script) + "</script>");
  const std::string probed = file.substr(0, file.rfind('/') + 1) + "probed.html";
  folder.write(probed, text);
  const std::string command =
      "chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic --no-first-run "
      "--disable-background-networking --disable-component-update --disable-sync --enable-logging=stderr "
      "--virtual-time-budget=2000 --user-data-dir=" +
      folder.path("profile") + " --dump-dom file://" + folder.path(probed) + " > " + folder.path("dom") + " 2> " +
      folder.path("console");
  EXPECT_EQ(std::system(command.c_str()), 0) << folder.read("console");
  return {.code = 0, .out = folder.read("dom"), .err = folder.read("console")};
}

class PageInBrowser : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v chromium > /dev/null 2>&1") != 0) GTEST_SKIP() << "no chromium on this machine";
    folder_.write("a.xml", bare_guest(2));
    folder_.write("b.xml", bare_guest(3));
  }
  Folder folder_;
};

TEST_F(PageInBrowser, LightsUpTheDeviceOfAFindingThatIsPointedAt) {
  ASSERT_EQ(folder_.run("render a.xml -o a.html").code, 0);
  const Ran ran = browse(folder_, "a.html",
                         "const item = [...document.querySelectorAll('li.finding')].find(i => i.dataset.device);"
                         "item.dispatchEvent(new Event('mouseenter'));"
                         "const shown = document.querySelector('.lit polygon');"
                         "const lit = document.querySelector('.lit').id === 'a_' + item.dataset.device &&"
                         "  getComputedStyle(shown).stroke === 'rgb(213, 94, 0)' && shown.getBBox().width > 100;"
                         "item.dispatchEvent(new Event('mouseleave'));"
                         "document.title = 'lit ' + lit + ' then ' + document.querySelectorAll('.lit').length;");
  EXPECT_THAT(ran.out, HasSubstr("<title>lit true then 0</title>"));
  EXPECT_THAT(ran.err, Not(HasSubstr("CONSOLE"))) << ran.err;
}

TEST_F(PageInBrowser, ZoomsAndPansThePicture) {
  ASSERT_EQ(folder_.run("render a.xml -o a.html").code, 0);
  const Ran ran = browse(folder_, "a.html",
                         "const box = () => document.querySelector('#picture svg').viewBox.baseVal;"
                         "const [width, x] = [box().width, box().x];"
                         "document.querySelector('#zoom button').click();"
                         "const nearer = box().width < width && box().x > x;"
                         "const at = (type, x) => picture.dispatchEvent(new PointerEvent(type,"
                         "  {clientX: x, clientY: 300, bubbles: true}));"
                         "const before = box().x; at('pointerdown', 300); at('pointermove', 400);"
                         "const panned = box().x < before;"
                         "document.querySelectorAll('#zoom button')[2].click();"
                         "document.title = [nearer, panned, box().width === width].join(' ');");
  EXPECT_THAT(ran.out, HasSubstr("<title>true true true</title>"));
  EXPECT_THAT(ran.err, Not(HasSubstr("CONSOLE"))) << ran.err;
}

TEST_F(PageInBrowser, MovesToTheDeviceOfAFindingOnlyWhereItIsOutOfSight) {
  ASSERT_EQ(folder_.run("render a.xml -o a.html").code, 0);
  const Ran ran = browse(folder_, "a.html",
                         "const box = () => document.querySelector('#picture svg').viewBox.baseVal;"
                         "const item = [...document.querySelectorAll('li.finding')].find(i => i.dataset.device);"
                         "const hover = () => item.dispatchEvent(new Event('mouseenter'));"
                         "const x = box().x; hover(); const stayed = box().x === x;"
                         "view.x += 10000; apply(); hover();"
                         "document.title = [stayed, box().x < 10000].join(' ');");
  EXPECT_THAT(ran.out, HasSubstr("<title>true true</title>"));
  EXPECT_THAT(ran.err, Not(HasSubstr("CONSOLE"))) << ran.err;
}

TEST_F(PageInBrowser, FindsDevicesAndConfigsByTheirText) {
  ASSERT_EQ(folder_.run("render a.xml b.xml -o both.html").code, 0);
  const Ran ran = browse(folder_, "both.html",
                         "search.value = '52:54:00:00:00:02'; search.dispatchEvent(new Event('input'));"
                         "const shown = [...document.querySelectorAll('nav button')].filter(b => !b.hidden);"
                         "shown[0].click();"
                         "document.title = [shown.length, document.querySelectorAll('#picture .lit').length,"
                         "  document.querySelectorAll('#tree .hit').length].join(' ');");
  EXPECT_THAT(ran.out, HasSubstr("<title>1 1 1</title>"));
  EXPECT_THAT(ran.err, Not(HasSubstr("CONSOLE"))) << ran.err;
}

TEST_F(PageInBrowser, UnpacksTheDataOfAFleetOnOnePage) {
  std::string files;
  for (int i = 0; i < 60; ++i) {
    const std::string name = "guest" + std::to_string(i) + ".xml";
    folder_.write(name, bare_guest(20 + i % 3));
    files += " " + name;
  }
  ASSERT_EQ(folder_.run("render" + files + " -o fleet.html").code, 0);
  EXPECT_THAT(folder_.read("fleet.html"), HasSubstr("application/gzip"));
  const Ran ran = browse(folder_, "fleet.html",
                         "const waiting = setInterval(() => {"
                         "  if (!entries.length) return;"
                         "  clearInterval(waiting);"
                         "  search.value = '52:54:00:00:00:15'; search.dispatchEvent(new Event('input'));"
                         "  const shown = [...document.querySelectorAll('nav button')].filter(b => !b.hidden);"
                         "  shown[0].click();"
                         "  document.title = [entries.length, shown.length,"
                         "    document.querySelectorAll('#picture .lit').length].join(' ');"
                         "}, 20);");
  EXPECT_THAT(ran.out, HasSubstr("<title>60 20 1</title>"));
  EXPECT_THAT(ran.err, Not(HasSubstr("CONSOLE"))) << ran.err;
}

TEST_F(PageInBrowser, RunsNothingOfWhatAConfigHolds) {
  const std::string hostile =
      "&lt;/script>&lt;script>document.title='owned'&lt;/script>&lt;img src=x onerror=alert(1)>";
  folder_.write("evil.xml",
                "<domain type='qemu'><name>" + hostile +
                    "</name><memory>262144</memory><os><type arch='x86_64' machine='q35'>hvm</type></os><devices>"
                    "<interface type='user'><model type='virtio'/><alias name='ua-\"&gt;&lt;b>'/></interface>"
                    "</devices></domain>");
  ASSERT_EQ(folder_.run("render evil.xml -o evil.html").code, 0);
  const Ran ran =
      browse(folder_, "evil.html", "document.body.dataset.done = document.querySelectorAll('img, b b').length;");
  EXPECT_THAT(ran.out, HasSubstr("data-done=\"0\""));
  EXPECT_THAT(ran.out, Not(HasSubstr("<title>owned")));
  EXPECT_THAT(ran.err, Not(HasSubstr("CONSOLE"))) << ran.err;
}

TEST_F(PageInBrowser, ShowsAFleetWithThumbnailsFromItsFolder) {
  ASSERT_EQ(folder_.run("render a.xml b.xml --html -o fleet/").code, 0);
  const Ran ran = browse(folder_, "fleet/index.html",
                         "addEventListener('load', () => setTimeout(() => { document.title ="
                         "  [...document.querySelectorAll('.cards a img')].filter(i => i.naturalWidth > 100).length;"
                         "}, 500));");
  EXPECT_THAT(ran.out, HasSubstr("<title>2</title>"));
  EXPECT_THAT(ran.err, Not(HasSubstr("CONSOLE"))) << ran.err;
}

}  // namespace
}  // namespace busproof::cli_tests
