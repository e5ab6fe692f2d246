// neurosplat-evaluate's experiments as a user meets them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neurosplat/core/text.h"
#include "neurosplat/io/image_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::Finished;

class Experiments : public ::testing::Test {
 protected:
  Finished evaluate(const std::string& name, const std::vector<std::string>& more) const {
    std::vector<std::string> all = {testing::program("neurosplat-evaluate"),
                                    name,
                                    "--out",
                                    (folder_ / name).string(),
                                    "--threads",
                                    "1"};
    all.insert(all.end(), more.begin(), more.end());
    return testing::run_command(all);
  }

  std::vector<std::string> on_our_inputs() const {
    return {"--fixtures", (testing::source_folder() / "tests/data/perception").string()};
  }

  nlohmann::json metrics_of(const std::string& name) const {
    std::ifstream in(folder_ / name / "metrics.json");
    return nlohmann::json::parse(in);
  }

  /// Runs on the reference's inputs: metrics with `keys`, no reason for a difference, a figure.
  void expect_published(const std::string& name, const std::string& figure,
                        const std::vector<std::string>& keys) const {
    const auto run = evaluate(name, on_our_inputs());
    ASSERT_EQ(run.status, 0) << run.errors;
    const auto metrics = metrics_of(name);
    EXPECT_EQ(metrics["experiment"], name);
    for (const auto& key : keys) {
      EXPECT_TRUE(metrics["results"].contains(key)) << key;
      EXPECT_TRUE(metrics["reference"].contains(key)) << key;
    }
    for (const auto& [key, value] : metrics["reference"].items()) {
      EXPECT_FALSE(key.ends_with("_reason")) << key << " " << metrics["results"].dump();
    }
    EXPECT_GT(read_picture(folder_ / name / (figure + ".png")).size(2), 500);
  }

  testing::TemporaryFolder folder_;
};

TEST_F(Experiments, GiveThePublishedFigures) {
  expect_published("agreement", "saccade_agreement",
                   {"held_percept_gain_db", "stitch_gain_db", "window_gain_db", "surprise_before",
                    "surprise_after", "fixations"});
  expect_published("novelty", "saccade_novelty",
                   {"enrichment_intensity", "enrichment_phase", "fixations_in_box", "fixations"});
  expect_published("saccade", "saccade_demo",
                   {"fovea_weighted_before_db", "fovea_weighted_after_db", "fixations"});
  expect_published("koopman", "koopman_predict",
                   {"free_db", "persistence_db", "latent_persistence_db", "static_mean_db",
                    "best_anchor", "best_anchored_db", "temporal_mass_top_tenth"});
  expect_published(
      "prior-alignment", "prior_alignment",
      {"gain_aligned", "gain_shifted", "gain_other", "aligned_prior_db", "aligned_percept_db",
       "shifted_prior_db", "shifted_percept_db", "other_prior_db", "other_percept_db"});
}

// From a folder that has neither tests/ nor ../shared: the inputs are found beside the program.
TEST_F(Experiments, FindTheirInputsFromAnyWorkingDirectory) {
  const auto elsewhere = folder_ / "some" / "where";
  fs::create_directories(elsewhere);
  for (const char* name : {"novelty", "koopman"}) {
    const auto run =
        testing::run_command({"/usr/bin/env", "-u", "NEUROSPLAT_SHARED", "-C", elsewhere.string(),
                              testing::program("neurosplat-evaluate"), name, "--threads", "1"});
    EXPECT_EQ(run.status, 0) << run.errors;
    EXPECT_TRUE(fs::exists(elsewhere / "evaluation" / name / "metrics.json"));
  }
}

TEST_F(Experiments, TakeOtherPicturesAndSayThatFiguresDifferForThat) {
  const auto x = at::linspace(0.0, 20.0, 300).view({1, 1, 300});
  const auto y = at::linspace(0.0, 30.0, 280).view({1, 280, 1});
  write_png(folder_ / "mine.png", (0.5 + 0.4 * at::sin(x) * at::cos(y + x)).expand({3, 280, 300}));
  auto arguments = on_our_inputs();
  arguments.insert(arguments.end(), {"--picture", (folder_ / "mine.png").string()});
  for (const char* name : {"agreement", "novelty", "prior-alignment"}) {
    const auto run = evaluate(name, arguments);
    ASSERT_EQ(run.status, 0) << run.errors;
  }
  const auto figure = (folder_ / "agreement" / "saccade_agreement.png").string();
  const auto again = evaluate("agreement", arguments);
  EXPECT_EQ(again.status, 2) << again.errors;
  EXPECT_NE(again.errors.find("metrics.json is there already"), std::string::npos) << again.errors;
  const auto itself = evaluate("agreement", {"--picture", figure, "--overwrite"});
  EXPECT_EQ(itself.status, 2) << itself.errors;
  EXPECT_NE(itself.errors.find("is what --picture reads"), std::string::npos) << itself.errors;
  arguments.push_back("--overwrite");
  EXPECT_EQ(evaluate("novelty", arguments).status, 0);
  const auto reference = metrics_of("agreement")["reference"];
  EXPECT_NE(reference["fixations_reason"].get<std::string>().find("other inputs"),
            std::string::npos);
  const auto seeded = evaluate("saccade", {"--picture", (folder_ / "mine.png").string(), "--seed",
                                           "3", "--steps", "2", "--gist-steps", "3"});
  EXPECT_EQ(seeded.status, 0) << seeded.errors;
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

TEST_F(Experiments, SayWhatWentWrong) {
  const auto refused = [&](const std::string& name, const std::vector<std::string>& arguments,
                           int status, const std::string& part) {
    const auto run = evaluate(name, arguments);
    EXPECT_EQ(run.status, status) << run.errors;
    EXPECT_EQ(std::count(run.errors.begin(), run.errors.end(), '\n'), 1) << run.errors;
    EXPECT_NE(run.errors.find(part), std::string::npos) << run.errors;
    EXPECT_FALSE(fs::exists(folder_ / name));
  };
  const auto nowhere = (folder_ / "nowhere").string();
  std::ofstream(folder_ / "a_file") << "no folder";
  refused("novelty", {"--out", (folder_ / "a_file").string()}, 2, "a_file is a file");
  refused("agreement", {"--fixtures", nowhere}, 1, "S0_astronaut256.npy");
  refused("koopman", {"--fixtures", nowhere}, 1, "S0_koopman_frames.npy");
  refused("agreement", {"--picture", nowhere + ".png"}, 1, "nowhere.png");
  std::ofstream(folder_ / "broken.npy") << "no numbers";
  refused("novelty", {"--picture", (folder_ / "broken.npy").string()}, 1, "broken.npy");
  auto ours = on_our_inputs();
  const auto with = [&](const std::vector<std::string>& more) {
    auto all = ours;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  refused("agreement", with({"--bottom", "300"}), 2, "box");
  refused("agreement", with({"--fixations", "0"}), 2, "fixations");
  refused("saccade", with({"--seed", "-1"}), 2, "seed");
  refused("saccade", with({"--draws", ours[1] + "/S0_saccade_gist_draws.npy"}), 1, "dimensions");
}

}  // namespace
}  // namespace neurosplat
