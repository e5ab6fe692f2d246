// neurosplat-evaluate koopman as a user meets it.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "apps/experiments.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::Experiments;

TEST_F(Experiments, KoopmanGivesThePublishedFigures) {
  expect_published("koopman", "koopman_predict",
                   {"free_db", "persistence_db", "latent_persistence_db", "static_mean_db",
                    "best_anchor", "best_anchored_db", "temporal_mass_top_tenth"});
}

TEST_F(Experiments, KoopmanSaysWhatItDidNotFind) {
  const auto run = evaluate("koopman", {"--fixtures", (folder_ / "nowhere").string()});
  EXPECT_EQ(run.status, 1) << run.errors;
  EXPECT_EQ(std::count(run.errors.begin(), run.errors.end(), '\n'), 1) << run.errors;
  EXPECT_NE(run.errors.find("S0_koopman_frames.npy"), std::string::npos) << run.errors;
  EXPECT_FALSE(fs::exists(folder_ / "koopman"));
}

TEST_F(Experiments, KoopmanTakesAFolderOfPictures) {
  fs::create_directory(folder_ / "frames");
  for (int t = 0; t < 12; ++t) {
    const auto wave = 0.5 + 0.3 * at::cos(at::arange(40, at::kFloat) * 0.3 - 0.4 * t);
    write_png(folder_ / "frames" / text("f", 10 + t, ".png"), wave.expand({3, 40, 40}));
  }
  const auto run = evaluate("koopman", {"--frames", (folder_ / "frames").string(), "--components",
                                        "2", "--fitted", "6", "--shown", "7"});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto metrics = metrics_of("koopman");
  EXPECT_EQ(metrics["settings"]["frame_count"], 12);
  for (const char* key : {"free_db", "persistence_db", "latent_persistence_db", "static_mean_db"}) {
    EXPECT_TRUE(metrics["results"][key].is_number()) << key;
  }
  for (const char* key :
       {"free_db", "latent_persistence_db", "static_mean_db", "best_anchor", "best_anchored_db"}) {
    EXPECT_TRUE(metrics["results"][text("fitted_basis_", key)].is_number()) << key;
  }
  EXPECT_EQ(metrics["settings"]["fitted_basis_components"], 2);
  EXPECT_NE(metrics["settings"]["basis"].get<std::string>().find("tested ones too"),
            std::string::npos);
  EXPECT_TRUE(fs::exists(folder_ / "koopman" / "koopman_predict.png"));
}

}  // namespace
}  // namespace neurosplat
