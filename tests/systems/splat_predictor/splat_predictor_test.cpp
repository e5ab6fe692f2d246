#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/data/frame_pairs.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/io/image_file.h"
#include "neurosplat/systems/splat_predictor/koopman_file.h"
#include "neurosplat/systems/splat_vae/model_file.h"
#include "neurosplat/training/checkpoint.h"
#include "support/command.h"
#include "support/temporary_folder.h"
#include "systems/splat_predictor/splat_predictor_training.h"

namespace neurosplat {
namespace {

using testing::MovingSpot;
using testing::SplatPredictorTraining;
using testing::TemporaryFolder;

SplatPredictorConfig tiny(const std::filesystem::path& out) {
  SplatPredictorConfig config;
  config.out = out;
  config.image_size = 16;
  config.num_packets = 9;
  config.latent = 6;
  config.batch = 8;
  config.epochs = 2;
  config.device = "cpu";
  config.threads = 1;
  return config;
}

std::vector<nlohmann::json> metrics_of(const std::filesystem::path& run) {
  std::vector<nlohmann::json> lines;
  std::ifstream in(run / "metrics.jsonl");
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

void train(const SplatPredictorConfig& config, bool resume = false, int frames = 40) {
  MovingSpot source(frames);
  SplatPredictorTraining trainer(config, source);
  if (resume) trainer.resume();
  EXPECT_EQ(trainer.run(), Trainer::Outcome::finished);
}

TEST(FramePairs, PairsEachFrameWithTheOneAfter) {
  MovingSpot source(21), again(21);
  FramePairs pairs(source, {.side = 16, .batch = 4, .stride = 2, .seed = 5});
  EXPECT_EQ(pairs.frames(), 21);
  EXPECT_EQ(pairs.size(), 19);
  EXPECT_EQ(pairs.batches(), 4);
  std::vector<at::Tensor> frames;
  while (const auto frame = again.next()) frames.push_back(centre_square(frame->picture, 16));
  const auto place = [&](const at::Tensor& picture) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (frames[i].equal(picture)) return static_cast<std::int64_t>(i);
    }
    return std::int64_t{-1};
  };
  std::vector<std::int64_t> seen;
  const auto third_of = [&](std::int64_t epoch) {
    pairs.start_epoch(epoch, 2);
    return pairs.next()->now;
  };
  EXPECT_FALSE(pairs.next().has_value());
  pairs.start_epoch(0);
  for (std::int64_t b = 0; b < 4; ++b) {
    const auto batch = *pairs.next();
    for (std::int64_t i = 0; i < 4; ++i) {
      seen.push_back(place(batch.now[i]));
      EXPECT_GE(seen.back(), 0);
      EXPECT_EQ(place(batch.next[i]), seen.back() + 2);
    }
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());  // each once an epoch
  EXPECT_FALSE(pairs.next().has_value());
  EXPECT_TRUE(third_of(1).equal(third_of(1)));
  EXPECT_FALSE(third_of(0).equal(third_of(1)));
}

TEST(FramePairs, HoldsTheLastOnesOutWithoutSharingAFrame) {
  MovingSpot source(41);
  const FramePairs pairs(source, {.side = 8, .batch = 4, .stride = 1, .held_out = 0.25});
  EXPECT_EQ(pairs.held_out(), 10);
  EXPECT_EQ(pairs.size(), 29);  // of 30 left the last one would end on a held-out frame
  EXPECT_EQ(pairs.spread(100, true).now.size(0), 10);
  EXPECT_EQ(pairs.spread(3, false).next.size(0), 3);
  MovingSpot few(5);
  EXPECT_THROW(FramePairs(few, {.side = 8, .batch = 5}), Error);
  MovingSpot limited(41);
  EXPECT_EQ(FramePairs(limited, {.side = 8, .batch = 4, .max_frames = 12}).frames(), 12);
}

TEST(SplatPredictor, LeavesARun) {
  const TemporaryFolder folder;
  train(tiny(folder / "run"));
  for (const char* name :
       {"config.json", "loss.csv", "model.safetensors", "koopman.safetensors", "checkpoints"}) {
    EXPECT_TRUE(std::filesystem::exists(folder / "run" / name)) << name;
  }
  EXPECT_EQ(load_splat_vae(folder / "run").architecture(), (SplatVaeArchitecture{16, 9, 6}));
  const auto k = load_koopman(folder / "run");
  EXPECT_EQ(k.sizes(), at::IntArrayRef({6, 6}));
  EXPECT_FALSE(k.equal(at::eye(6)));                             // it was trained
  EXPECT_LT((k - at::eye(6)).abs().max().item<double>(), 0.05);  // from the identity
  // Four pairs are held out: four columns of 16 pixels with 2 between and around.
  EXPECT_EQ(read_picture(folder / "run" / "pred_002.png").sizes(), at::IntArrayRef({3, 74, 74}));
  const auto metrics = metrics_of(folder / "run");
  ASSERT_EQ(metrics.size(), 2U);
  for (const char* key :
       {"rec", "pred", "persistence", "lin", "kl_nats", "held_out_pred", "held_out_persistence"}) {
    EXPECT_TRUE(metrics[1][key].is_number()) << key;
  }
}

TEST(SplatPredictor, LearnsToDrawAndToForesee) {
  const TemporaryFolder folder;
  auto config = tiny(folder / "run");
  config.num_packets = 36;
  config.epochs = 30;
  config.lr = 5e-4;
  config.w_lin = 0.05;
  config.beta = 1e-6;
  config.pictures_every = 0;
  config.checkpoint_every = 100;
  train(config);
  const auto metrics = metrics_of(folder / "run");
  EXPECT_LT(metrics.back()["rec"].get<double>(), 0.6 * metrics.front()["rec"].get<double>());
  EXPECT_LT(metrics.back()["pred"].get<double>(), 0.6 * metrics.front()["pred"].get<double>());
}

TEST(SplatPredictor, GoesOnWhereItStood) {
  const TemporaryFolder folder;
  auto whole = tiny(folder / "whole"), parts = tiny(folder / "parts");
  whole.epochs = parts.epochs = 3;
  train(whole);
  parts.max_steps = 5;  // 32 pairs in batches of 8: in the middle of the second epoch
  train(parts);
  parts.max_steps = 0;
  train(parts, /*resume=*/true);
  EXPECT_TRUE(load_koopman(folder / "whole").equal(load_koopman(folder / "parts")));
  const auto a = load_splat_vae(folder / "whole").state();
  const auto b = load_splat_vae(folder / "parts").state();
  for (const auto& [name, tensor] : a) EXPECT_TRUE(tensor.equal(b.at(name))) << name;
  const auto expected = metrics_of(folder / "whole"), found = metrics_of(folder / "parts");
  ASSERT_EQ(found.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    for (const char* key : {"rec", "pred", "lin", "persistence", "kl_nats"}) {
      EXPECT_EQ(found[i][key], expected[i][key]) << key;
    }
  }
}

TEST(SplatPredictor, GoesOnWithTheStepsTheOrderAndTheFramesItWasBegunWith) {
  const TemporaryFolder folder;
  auto config = tiny(folder / "run");
  config.max_steps = 5;
  train(config);
  train(config, /*resume=*/true);
  EXPECT_EQ(CheckpointFolder(folder / "run").load_newest()->position.step, 5);
  auto other = config;
  other.batch = 4;
  EXPECT_THROW(train(other, /*resume=*/true), UsageError);
  MovingSpot longer(41);
  SplatPredictorTraining trainer(config, longer);
  EXPECT_THROW(trainer.resume(), Error);
  trainer.resume(/*accept_changed_data=*/true);
}

TEST(SplatPredictor, RefusesWhatCannotBe) {
  const TemporaryFolder folder;
  const auto refused = [&](auto change) {
    auto config = tiny(folder / "run");
    change(config);
    EXPECT_THROW(check(config), UsageError);
  };
  check(tiny(folder / "run"));
  refused([](auto& config) { config.image_size = 20; });
  refused([](auto& config) { config.batch = 1; });
  refused([](auto& config) { config.w_pred = -1.0; });
  refused([](auto& config) { config.w_lin = NAN; });
  refused([](auto& config) { config.stride = 0; });
  refused([](auto& config) { config.held_out = 1.0; });
  refused([](auto& config) { config.beta_warmup = 0; });
  refused([](auto& config) { config.renderer = "fast"; });
  MovingSpot source(40);
  SplatPredictorTraining trainer(tiny(folder / "run"), source);
  EXPECT_THROW(trainer.resume(), Error);
}

}  // namespace
}  // namespace neurosplat
