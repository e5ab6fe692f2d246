#include "report/html_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace neurosplat::report {
namespace {

const std::string kReplaced = "\xef\xbf\xbd";

TEST(HtmlText, EscapesEveryMark) {
  EXPECT_EQ(escaped("<a href=\"x\" on='y'>&amp;"),
            "&lt;a href=&quot;x&quot; on=&#39;y&#39;&gt;&amp;amp;");
  EXPECT_EQ(escaped("Größe 日本 😀\n"), "Größe 日本 😀\n");
}

TEST(HtmlText, ReplacesWhatIsNoText) {
  EXPECT_EQ(escaped("a\xff z"), "a" + kReplaced + " z");
  EXPECT_EQ(escaped("\xc3"), kReplaced);                                  // cut
  EXPECT_EQ(escaped("\xc0\xbc"), kReplaced + kReplaced);                  // a long form of <
  EXPECT_EQ(escaped("\xe0\x80\xbc"), kReplaced + kReplaced + kReplaced);  // a longer one
  EXPECT_EQ(escaped("\xed\xa0\x80"), kReplaced + kReplaced + kReplaced);  // a surrogate
  EXPECT_EQ(escaped("\xf4\x90\x80\x80"), kReplaced + kReplaced + kReplaced + kReplaced);
  EXPECT_EQ(escaped(std::string("a\0b\x1b", 4)), "a" + kReplaced + "b" + kReplaced);
  EXPECT_EQ(escaped("a\xe2\x80\xae z"),
            "a" + kReplaced + " z");  // turns the rest of the line round
}

TEST(HtmlText, CutsBetweenCharacters) {
  EXPECT_EQ(shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(shortened("abcdef", 3), "abc…");
  EXPECT_EQ(shortened("aö", 2), "a…");
  EXPECT_EQ(shortened("日本", 4), "日…");
}

TEST(HtmlText, ShowsNumbersShortly) {
  EXPECT_EQ(short_number(0.042006155), "0.04201");
  EXPECT_EQ(short_number(1.2e-5), "1.2e-05");
  EXPECT_EQ(short_number(103167), "103167");
  EXPECT_EQ(short_number(-24.0645), "-24.06");
  EXPECT_EQ(short_number(-0.0), "0");
  EXPECT_EQ(short_number(std::nan("")), "–");
  EXPECT_EQ(short_number(-INFINITY), "−∞");
}

}  // namespace
}  // namespace neurosplat::report
