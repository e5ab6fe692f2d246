// neurosplat-evaluate agreement, novelty, saccade and prior-alignment as a user meets them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "apps/experiments.h"
#include "neurosplat/io/image_file.h"
#include "support/command.h"

namespace neurosplat {
namespace {

namespace fs = std::filesystem;
using testing::Experiments;

TEST_F(Experiments, GiveThePublishedFigures) {
  expect_published("agreement", "saccade_agreement",
                   {"held_percept_gain_db", "stitch_gain_db", "window_gain_db", "surprise_before",
                    "surprise_after", "fixations"});
  expect_published("novelty", "saccade_novelty",
                   {"enrichment_intensity", "enrichment_phase", "fixations_in_box", "fixations"});
  expect_published("saccade", "saccade_demo",
                   {"fovea_weighted_before_db", "fovea_weighted_after_db", "fixations"});
  expect_published(
      "prior-alignment", "prior_alignment",
      {"gain_aligned", "gain_shifted", "gain_other", "aligned_prior_db", "aligned_percept_db",
       "shifted_prior_db", "shifted_percept_db", "other_prior_db", "other_percept_db"});
}

// From a folder that has neither tests/ nor ../shared: the inputs are found beside the program.
TEST_F(Experiments, FindTheirInputsFromAnyWorkingDirectory) {
  const auto elsewhere = folder_ / "some" / "where";
  fs::create_directories(elsewhere);
  for (const char* name : {"novelty", "saccade"}) {
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
