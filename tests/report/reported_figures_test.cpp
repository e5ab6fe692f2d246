#include "neurosplat/report/reported_figures.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

#include "neurosplat/core/error.h"

namespace neurosplat::report {
namespace {

using Json = nlohmann::ordered_json;

ReportedEvaluation one_figure(const std::string& figure) {
  return reported_evaluations(
             R"({"evaluations": [{"name": "e", "system": "S", "arguments": ["x"], "figures": [)" +
                 figure + "]}]}",
             "table")
      .at(0);
}

ReportedRow row_of(const std::string& figure, const std::string& metrics) {
  return rows_of(one_figure(figure), Ending::done, "", Json::parse(metrics)).at(0);
}

const std::string kHigher =
    R"({"figure": "R2", "key": "r2", "published": 0.75, "decimals": 2, "reason": "ours"})";
const std::string kLower =
    R"({"figure": "error", "key": "r2", "published": 0.75, "decimals": 2, "better": "lower", "floor": "pca_r2", "floor_is": "PCA"})";

TEST(ReportedFigures, AreJudgedToTheLastPrintedDigit) {
  EXPECT_EQ(row_of(kHigher, R"({"results": {"r2": 0.7549}})").verdict(), "equal");
  EXPECT_EQ(row_of(kHigher, R"({"results": {"r2": 0.7549}})").why, "");
  EXPECT_EQ(row_of(kHigher, R"({"results": {"r2": 0.756}})").verdict(), "better");
  EXPECT_EQ(row_of(kHigher, R"({"results": {"r2": 0.744}})").verdict(), "misses");
  EXPECT_EQ(row_of(kHigher, R"({"results": {"r2": 0.744}})").why, "ours");
  EXPECT_EQ(row_of(kLower, R"({"results": {"r2": 0.756}})").verdict(), "misses");
  EXPECT_EQ(row_of(kLower, R"({"results": {"r2": 0.744}})").verdict(), "better");
  const auto row = row_of(
      kLower,
      R"({"results": {"r2": 0.8, "pca_r2": 0.5}, "reference": {"r2": 0.75, "r2_reason": "theirs"}})");
  EXPECT_EQ(row.floor, 0.5);
  EXPECT_EQ(row.why, "theirs");
  EXPECT_EQ(row_of(R"({"figure": "x", "key": "x", "reason": "none"})", R"({"results": {"x": 1}})")
                .verdict(),
            "not published");
}

TEST(ReportedFigures, FailWhereTheyAreNotWhatTheTableSays) {
  const auto absent = row_of(kHigher, R"({"results": {"other": 1}})");
  EXPECT_EQ(absent.verdict(), "failed");
  EXPECT_NE(absent.why.find("r2"), std::string::npos);
  EXPECT_EQ(row_of(kHigher, R"({"results": {"r2": null}})").verdict(), "failed");
  EXPECT_EQ(row_of(kHigher, "null").verdict(), "failed");
  const auto other = row_of(kHigher, R"({"results": {"r2": 0.75}, "reference": {"r2": 0.85}})");
  EXPECT_EQ(other.verdict(), "failed");
  EXPECT_NE(other.why.find("0.85"), std::string::npos) << other.why;
  const auto skipped = rows_of(one_figure(kHigher), Ending::skipped, "absent: flowers", nullptr);
  EXPECT_EQ(skipped.at(0).verdict(), "skipped");
  EXPECT_EQ(skipped.at(0).why, "absent: flowers");
}

TEST(ReportedFigures, StandInOneTable) {
  auto rows =
      rows_of(one_figure(kHigher), Ending::done, "", Json::parse(R"({"results": {"r2": 0.7}})"));
  rows.push_back(rows_of(one_figure(kLower), Ending::failed, "exit 1", nullptr).at(0));
  EXPECT_EQ(as_text(rows),
            "system  figure  ours  published  floor\n"
            "S       R2      0.70       0.75      -  misses\n"
            "    ours\n"
            "S       error      -       0.75      -  failed\n"
            "    exit 1\n");
  EXPECT_EQ(summary(rows), "0 equal, 0 better, 1 misses, 0 not published, 0 skipped, 1 failed");
}

TEST(ReportedFigures, RefuseAnotherTable) {
  const auto error_of = [](const std::string& json) {
    try {
      reported_evaluations(json, "my.json");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string start =
      R"({"evaluations": [{"name": "e", "system": "S", "arguments": ["x"], "figures": []})";
  EXPECT_EQ(error_of(start + "]}"), "");
  for (
      const auto& wrong :
      {std::string("nonsense"), std::string("{}"), std::string(R"({"evaluations": [3]})"),
       start + R"(], "more": 1})", start + "," + start.substr(17) + "]}",
       std::string(
           R"({"evaluations": [{"name": "../e", "system": "S", "arguments": ["x"], "figures": []}]})"),
       std::string(
           R"({"evaluations": [{"name": "e", "system": "S", "arguments": [], "figures": []}]})"),
       std::string(
           R"({"evaluations": [{"name": "e", "system": "S", "arguments": ["report"], "figures": []}]})"),
       std::string(
           R"({"evaluations": [{"name": "e", "system": "S", "arguments": [1], "figures": []}]})"),
       std::string(
           R"({"evaluations": [{"name": "e", "system": "S", "arguments": ["x"], "figures": [{"key": "a"}]}]})"),
       std::string(
           R"({"evaluations": [{"name": "e", "system": "S", "arguments": ["x"], "figures": [{"figure": "a", "key": "a", "better": "big"}]}]})")}) {
    const auto message = error_of(wrong);
    EXPECT_NE(message.find("my.json"), std::string::npos) << wrong << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
}

TEST(ShippedReportedFigures, AreOfAllFiveSystemsWithinAnHour) {
  const auto evaluations = reported_evaluations(shipped_reported_figures(), "shipped");
  std::set<std::string> systems;
  double minutes = 0;
  for (const auto& one : evaluations) {
    systems.insert(one.system);
    minutes += one.minutes;
    EXPECT_FALSE(one.quick.empty() && one.minutes > 0.2) << one.name << " has no trial";
    for (const auto& figure : one.figures) {
      EXPECT_FALSE(figure.published && figure.source.empty()) << one.name << ": " << figure.name;
      EXPECT_EQ(figure.floor_key.empty(), figure.floor_name.empty())
          << one.name << ": " << figure.name;
      if (!figure.published) {
        EXPECT_FALSE(figure.reason.empty() && figure.floor_key.empty())
            << one.name << ": " << figure.name << " is beside nothing";
      }
    }
  }
  EXPECT_EQ(systems.size(), 5U);
  EXPECT_LT(minutes, 60) << "of one core";
}

}  // namespace
}  // namespace neurosplat::report
