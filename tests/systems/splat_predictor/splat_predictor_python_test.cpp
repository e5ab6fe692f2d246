// The predictor's losses and steps against real PyTorch, which does them in double precision.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "neurosplat/data/frame_pairs.h"
#include "neurosplat/data/picture_loader.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/systems/splat_predictor/koopman_file.h"
#include "support/command.h"
#include "support/temporary_folder.h"
#include "systems/splat_predictor/splat_predictor_training.h"

namespace neurosplat {
namespace {

using testing::MovingSpot;
using testing::SplatPredictorTraining;
using testing::TemporaryFolder;

TEST(SplatPredictor, TrainsAsPyTorchDoes) {
  const auto python = testing::python_with("torch, safetensors");
  if (!python) GTEST_SKIP() << "no Python with torch and safetensors";
  const TemporaryFolder folder;
  constexpr std::int64_t kEpochs = 4;
  SplatPredictorConfig config;
  config.out = folder / "run";
  config.image_size = 16;
  config.num_packets = 9;
  config.latent = 6;
  config.batch = 12;  // as many as there are pairs
  config.epochs = kEpochs;
  config.lr = 2e-3;
  config.beta = 0.01;
  config.beta_warmup = 2;
  config.held_out = 0.0;
  config.seed = 7;
  config.device = "cpu";
  config.pictures_every = 0;
  MovingSpot source(13), same(13);
  SplatPredictorTraining trainer(config, source);
  ASSERT_EQ(trainer.run(), Trainer::Outcome::finished);

  // The weights at the start are those of another trainer that was stopped before its first step:
  // checkpoints keep the last two only.
  config.out = folder / "start";
  config.epochs = 1;
  config.max_steps = 1;
  MovingSpot third(13);
  SplatPredictorTraining first(config, third);
  first.run();
  auto start = read_safetensors(folder / "start" / "checkpoints" / "step-00000000.safetensors");
  FramePairs pairs(same, {.side = 16, .batch = 12, .seed = 7});
  std::vector<at::Tensor> now, next;
  for (std::int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    pairs.start_epoch(epoch);
    const auto batch = *pairs.next();
    now.push_back(to_unit_range(batch.now, at::Device(at::kCPU)));
    next.push_back(to_unit_range(batch.next, at::Device(at::kCPU)));
  }
  start.tensors["now"] = at::stack(now);
  start.tensors["next"] = at::stack(next);
  for (auto it = start.tensors.begin(); it != start.tensors.end();) {
    const bool wanted =
        it->first.starts_with("model.") || it->first == "now" || it->first == "next";
    it = wanted ? std::next(it) : start.tensors.erase(it);
  }
  write_safetensors(folder / "start.safetensors", {start.tensors, {}});
  const auto script =
      testing::source_folder() / "tests/systems/splat_predictor/reference_splat_predictor.py";
  const auto run = testing::run_command(
      {*python, script.string(), folder.path().string(), "16", "9", "6", "7", "2e-3", "0.01", "2"});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto expected = read_safetensors(folder / "expected.safetensors").tensors;

  std::ifstream in(folder / "run" / "metrics.jsonl");
  const char* keys[] = {"rec", "pred", "lin", "kl_nats", "persistence"};
  for (std::int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    std::string line;
    ASSERT_TRUE(std::getline(in, line));
    const auto metrics = nlohmann::json::parse(line);
    for (std::int64_t i = 0; i < 5; ++i) {
      const double value = expected.at("terms")[epoch][i].item<double>();
      // Steps of Adam carry the rounding of float32 on.
      const double tolerance = (epoch == 0 ? 2e-5 : 5e-3) * std::abs(value) + 1e-7;
      EXPECT_NEAR(metrics[keys[i]].get<double>(), value, tolerance) << keys[i] << " " << epoch;
    }
  }
  const auto operators = load_koopman(folder / "run").to(at::kDouble);
  EXPECT_LT((operators - expected.at("operator")).abs().max().item<double>(), 1e-3);
  EXPECT_GT((operators - at::eye(6)).abs().max().item<double>(), 4e-3);
}

}  // namespace
}  // namespace neurosplat
