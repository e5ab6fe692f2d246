#include "neurosplat/report/figure_rows.h"

#include <gtest/gtest.h>

#include <string>

namespace neurosplat::report {
namespace {

using Json = nlohmann::ordered_json;

const auto kMetrics = Json::parse(R"({
  "results": {"fd_lite0": 59.4, "fd_lite0_real_floor": 40.0, "fd_lite0_pca": 142.8,
              "psnr_mean_db": 19.5, "pca_psnr_mean_db": 18.1, "mean_image_psnr_mean_db": 11.9,
              "steps": [1, 2], "orphan_floor": 3, "ip_r2": 0.87,
              "rows": [{"loop": "real", "psnr_db": 12, "beta": 0.5}, {"loop": "synthetic", "psnr_db": 20, "beta": 2}]},
  "reference": {"ip_r2": 0.951, "ip_r2_reason": "fewer digits", "source": "table 2"}})");

TEST(FigureRows, StandBesideReferenceAndFloors) {
  const auto rows = figure_rows(kMetrics);
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows[0].key, "fd_lite0");
  EXPECT_EQ(rows[0].ours, 59.4);
  ASSERT_EQ(rows[0].floors.size(), 2U);
  EXPECT_EQ(rows[0].floors[0], std::make_pair(std::string("held-out pictures"), Json(40.0)));
  EXPECT_EQ(rows[0].floors[1], std::make_pair(std::string("PCA"), Json(142.8)));
  EXPECT_TRUE(rows[0].published.is_null());
  EXPECT_EQ(rows[1].key, "psnr_mean_db");
  EXPECT_EQ(rows[1].floors.size(), 2U);
  EXPECT_EQ(rows[2].key, "steps");
  EXPECT_EQ(rows[3].key, "orphan_floor") << "a floor of nothing is a figure";
  EXPECT_EQ(rows[4].key, "ip_r2");
  EXPECT_EQ(rows[4].published, 0.951);
  EXPECT_EQ(rows[4].reason, "fewer digits");
}

TEST(FigureRows, AreNoneOfWhatIsNoMetricsFile) {
  for (const char* text :
       {"{}", "[]", "3", R"({"results": 4})", R"({"results": {}, "reference": []})"}) {
    EXPECT_TRUE(figure_rows(Json::parse(text)).empty()) << text;
  }
}

TEST(ValueAt, FindsAKeyOrARow) {
  const auto& results = kMetrics["results"];
  EXPECT_EQ(value_at(results, "ip_r2"), 0.87);
  EXPECT_EQ(value_at(results, "rows[loop=synthetic].psnr_db"), 20);
  EXPECT_EQ(value_at(results, "rows[beta=0.5].psnr_db"), 12);
  EXPECT_EQ(value_at(results, "rows[loop=real;beta=0.5].psnr_db"), 12);
  for (const char* absent :
       {"rows[loop=real;beta=2].psnr_db", "rows[loop=real].x", "rows[loop].psnr_db",
        "rows[loop=real", "nothing", "rows[x=1].psnr_db"}) {
    EXPECT_TRUE(value_at(results, absent).is_null()) << absent;
  }
}

TEST(DifferingSettings, AreThoseThatDifferAmongRunsThatHaveThem) {
  std::vector<RunResult> runs(3);
  runs[0].settings = {{"lr", 0.1}, {"seed", 0}, {"out", "a"}, {"only_first", true}};
  runs[1].settings = {{"lr", 0.2}, {"seed", 0}, {"out", "b"}, {"late", "x"}};
  runs[2].settings = {{"lr", 0.1}, {"seed", 0}, {"out", "c"}, {"late", "y"}};
  const auto differing = differing_settings(runs);
  ASSERT_EQ(differing.size(), 2U);
  EXPECT_EQ(differing[0].first, "lr");
  EXPECT_EQ(differing[0].second, (std::vector<Json>{0.1, 0.2, 0.1}));
  EXPECT_EQ(differing[1].first, "late");
  EXPECT_EQ(differing[1].second, (std::vector<Json>{nullptr, "x", "y"}));
  const auto some = settings_of_some(runs);
  ASSERT_EQ(some.size(), 1U);
  EXPECT_EQ(some[0].first, "only_first");
  EXPECT_EQ(some[0].second, (std::vector<Json>{true, nullptr, nullptr}));
  EXPECT_TRUE(differing_settings({runs[0]}).empty());
}

}  // namespace
}  // namespace neurosplat::report
