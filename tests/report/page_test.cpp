#include "neurosplat/report/page.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "neurosplat/io/image_file.h"
#include "neurosplat/io/picture_bytes.h"
#include "report/result_files.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat::report {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;
using testing::write;

constexpr std::uint64_t kRoom = 8 << 20;

/// Whether every tag that is opened is closed in its turn, and every attribute is quoted.
std::string fault_of(const std::string& html) {
  const std::set<std::string> single = {"meta", "img", "br", "line"};
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at)) {
    if (html.compare(at, 9, "<!DOCTYPE") == 0) {
      at = html.find('>', at);
      continue;
    }
    const bool closes = html[at + 1] == '/';
    std::size_t end = at + 1;
    for (bool quoted = false; end < html.size() && (quoted || html[end] != '>'); ++end) {
      if (html[end] == '"') quoted = !quoted;
      if (html[end] == '<' && !quoted) return "a < in a tag at " + html.substr(at, 80);
    }
    const auto inside = html.substr(at + 1 + (closes ? 1U : 0U), end - at - 1 - (closes ? 1U : 0U));
    const auto name = inside.substr(0, inside.find_first_of(" /"));
    if (closes) {
      if (open.empty() || open.back() != name) return "</" + name + "> closes nothing";
      open.pop_back();
    } else if (!single.contains(name) && !inside.ends_with('/')) {
      open.push_back(name);
    }
    at = end;
  }
  return open.empty() ? "" : "<" + open.back() + "> is never closed";
}

Report report_of(const fs::path& folder) {
  return {.found = find_results({folder}), .reported = {}};
}

void write_run(const fs::path& folder, double lr, const std::string& more = "") {
  write(folder / "config.json", "{\"lr\": " + std::to_string(lr) + ", \"batch\": 16" + more + "}");
  write(folder / "metrics.jsonl",
        "{\"epoch\":1,\"step\":10,\"loss\":0.5,\"held_out_db\":11,\"seconds\":61.5,\"images_per_"
        "second\":3}\n"
        "{\"epoch\":2,\"step\":20,\"loss\":0.123456789012,\"held_out_db\":12,\"seconds\":60,"
        "\"images_per_second\":4}\n");
}

TEST(Page, IsOneWellFormedFileWithoutScriptOrNetwork) {
  const TemporaryFolder folder;
  write_run(folder / "runs/a", 0.1);
  write_run(folder / "runs/b", 0.2);
  write_png(folder / "runs/a/sample_001.png", at::rand({3, 16, 24}));
  write_png(folder / "runs/a/sample_002.png", at::rand({3, 16, 24}));
  write(
      folder / "runs/e/metrics.json",
      R"({"experiment": "x", "settings": {"count": 3}, "results": {"psnr_db": 19.5, "pca_psnr_db": 18.25, "r2": 0.5,
            "rows": [{"a": 1, "b": "word"}, {"a": null}]}, "reference": {"r2": 0.75, "r2_reason": "shorter", "source": "table 1"}})");
  auto report = report_of(folder / "runs");
  const auto table = reported_evaluations(
      R"({"evaluations": [{"name": "e", "system": "S", "arguments": ["x"], "figures":
          [{"figure": "R2", "key": "r2", "published": 0.75, "decimals": 2, "source": "table 1"}]}]})",
      "table");
  report.reported = rows_of(table[0], Ending::done, "", report.found.evaluations.at(0).metrics);
  const auto html = page_html(report, kRoom);
  EXPECT_EQ(fault_of(html), "");
  EXPECT_EQ(html, page_html(report, kRoom)) << "the same files give the same page";
  for (const char* no : {"<script", "http:", "https:", "url(", "@import", "javascript"}) {
    EXPECT_EQ(html.find(no), std::string::npos) << no;
  }
  for (const char* part :
       {"default-src 'none'", ">loss<", ">held_out_db<", ">sample_002.png<", "0.1235", ">lr<",
        "18.25 <small>PCA</small>", "shorter", ">word<", "misses", "2:02"}) {
    EXPECT_NE(html.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(html.find(">batch<"), std::string::npos) << "a setting that does not differ";
  if (const auto python = testing::python_with("html.parser")) {
    write(folder / "page.html", html);
    const auto parsed = testing::run_command({*python, "-c", R"(
import html.parser, sys
class Reader(html.parser.HTMLParser):
    stack = []
    def handle_starttag(self, tag, attributes):
        if tag not in ('meta', 'img', 'br', 'line'): self.stack.append(tag)
    def handle_startendtag(self, tag, attributes): pass
    def handle_endtag(self, tag): assert self.stack.pop() == tag, tag
reader = Reader()
reader.feed(open(sys.argv[1], encoding='utf-8').read())
reader.close()
assert not reader.stack, reader.stack)",
                                              (folder / "page.html").string()});
    EXPECT_EQ(parsed.status, 0) << parsed.errors;
  }
}

TEST(Page, EscapesWhateverComesFromFiles) {
  const TemporaryFolder folder;
  const std::string evil = "<script>alert(1)</script>\"' onload=x";
  const auto quoted = nlohmann::json(evil).dump();
  const auto run = folder / "<img src=x onerror=y>" / "run \"'&";
  write_run(run, 0.1, ", \"note\": " + quoted + ", " + quoted + ": 1");
  write_run(folder / "<img src=x onerror=y>" / "other", 0.1);
  write(run / "metrics.jsonl",
        "{\"epoch\":1," + quoted + ":1,\"loss\":2}\n{\"epoch\":2," + quoted + ":2}\nbroken\n");
  write_png(run / "<b>_001.png", at::rand({3, 8, 8}));
  write(run / "<i>.png", "no picture");
  write(run / "metrics.json",
        "{\"experiment\": " + quoted + ", \"settings\": {" + quoted + ": " + quoted +
            "}, \"results\": {" + quoted + ": " + quoted + ", \"x\": 1, \"rows\": [{" + quoted +
            ": " + quoted + "}, 3]}, \"reference\": {\"x\": " + quoted + ", \"x_reason\": " +
            quoted + ", \"source\": " + quoted + "}, \"environment\": {\"a\": " + quoted + "}}");
  auto report = report_of(folder / "<img src=x onerror=y>");
  auto& row = report.reported.emplace_back();
  row.system = row.evaluation = row.why = evil;
  row.figure.name = row.figure.key = row.figure.source = row.figure.floor_name = evil;
  const auto html = page_html(report, kRoom);
  EXPECT_EQ(fault_of(html), "");
  for (const char* no : {"<script", "<img src=x", "<b>_001", "<i>.png", "\" onload", "' onload"}) {
    EXPECT_EQ(html.find(no), std::string::npos) << no;
  }
  EXPECT_NE(html.find("&lt;script&gt;alert(1)&lt;/script&gt;"), std::string::npos);
  EXPECT_NE(html.find("&lt;i&gt;.png: no picture"), std::string::npos) << "noted";
}

std::string data_of(const std::string& html, const std::string& type) {
  const auto begin = html.find("data:" + type + ";base64,");
  if (begin == std::string::npos) return {};
  const auto from = begin + type.size() + 13;
  return from_base64(html.substr(from, html.find('"', from) - from));
}

TEST(Page, HoldsPicturesAsTheyAreAndLargeOnesSmaller) {
  const TemporaryFolder folder;
  write_run(folder / "small", 0.1);
  write_png(folder / "small/sample_001.png", at::rand({3, 16, 24}));
  const auto html = page_html(report_of(folder / "small"), kRoom);
  EXPECT_EQ(data_of(html, "image/png"), testing::bytes_of(folder / "small/sample_001.png"));
  write_run(folder / "large", 0.1);
  write_png(folder / "large/sample_001.png", at::rand({3, 1000, 3200}));
  const auto reduced = data_of(page_html(report_of(folder / "large"), kRoom), "image/jpeg");
  const auto picture = decode_picture(reduced, 10'000'000);
  EXPECT_EQ(picture.size(2), 1600);
  EXPECT_EQ(picture.size(1), 500);
  const auto without = report_of(folder.path());
  const auto nothing = page_html(without, 0);
  EXPECT_EQ(nothing.find("data:image"), std::string::npos);
  EXPECT_NE(nothing.find("2 pictures left out"), std::string::npos);
}

TEST(Page, ShowsTheNewestSheetOfEachKind) {
  const TemporaryFolder folder;
  write_run(folder / "run", 0.1);
  for (const char* name : {"sample_001.png", "sample_050.png", "sample_999.png", "sample_1000.png",
                           "recon_003.png", "curves.png", "dictionary.png"}) {
    write_png(folder / "run" / name, at::rand({3, 4, 4}));
  }
  const auto html = page_html(report_of(folder / "run"), kRoom);
  const auto earlier = html.find("<summary>Earlier");
  ASSERT_NE(earlier, std::string::npos);
  for (const char* name : {">sample_1000.png<", ">recon_003.png<", ">dictionary.png<"}) {
    EXPECT_LT(html.find(name), earlier) << name;
  }
  for (const char* name : {">sample_001.png<", ">sample_050.png<"}) {
    EXPECT_GT(html.find(name), earlier) << name;
    EXPECT_NE(html.find(name), std::string::npos) << name;
  }
  EXPECT_EQ(html.find("curves.png"), std::string::npos);
}

TEST(Page, GivesTheNumbersOfTheFilesAsJson) {
  const TemporaryFolder folder;
  write_run(folder / "runs/a", 0.1);
  write_run(folder / "runs/b", 0.2);
  write(folder / "runs/e/metrics.json",
        R"({"results": {"psnr_db": 19.123456789012345, "pca_psnr_db": 18, "list": [1, 2]},
            "reference": {"psnr_db": 15.07, "psnr_db_reason": "other flowers"}})");
  const auto json = page_json(report_of(folder / "runs"));
  EXPECT_EQ(json["runs"][0]["run"], "runs/a");
  EXPECT_EQ(json["runs"][0]["steps"], 20);
  EXPECT_EQ(json["runs"][1]["last"]["loss"], 0.123456789012);
  EXPECT_EQ(json["settings_that_differ"].size(), 1U);
  EXPECT_EQ(json["settings_that_differ"]["lr"], nlohmann::ordered_json({0.1, 0.2}));
  ASSERT_EQ(json["figures"].size(), 2U);
  EXPECT_EQ(json["figures"][0]["ours"], 19.123456789012345);
  EXPECT_EQ(json["figures"][0]["published"], 15.07);
  EXPECT_EQ(json["figures"][0]["reason"], "other flowers");
  EXPECT_EQ(json["figures"][0]["floors"]["PCA"], 18);
  EXPECT_EQ(json["figures"][1]["ours"].size(), 2U);
  EXPECT_TRUE(json["notes"].empty());
}

}  // namespace
}  // namespace neurosplat::report
