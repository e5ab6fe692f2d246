#include "systems/waveform/waveform_update.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

WaveformConfig tiny() {
  WaveformConfig config;
  config.image_size = 16;
  config.linear_code = false;
  config.width = 8;
  config.latent = 8;
  config.electrodes = 2;
  config.batch = 8;
  config.epochs = 3;
  config.image_epochs = 1;
  config.joint_epochs = 1;
  settle_schedule(config);
  return config;
}

struct Data {
  at::Tensor pictures = at::rand({8, 3, 16, 16}, at::detail::createCPUGenerator(1));
  at::Tensor recorded = at::randn({8, 2, 16}, at::detail::createCPUGenerator(2));
  at::Tensor number = at::arange(8, at::kLong);
};

std::map<std::string, at::Tensor> copy_of(const WaveformAutoencoder& model) {
  std::map<std::string, at::Tensor> copy;
  for (const auto& [name, tensor] : model.state()) copy[name] = tensor.detach().clone();
  return copy;
}

/// One epoch is two steps here. What a phase does not train does not change by a bit.
TEST(WaveformUpdate, PhasesMoveTheirOwnNetworks) {
  const auto config = tiny();
  WaveformUpdate update(config, config.architecture(2, 16), at::kCPU, 2);
  const Data data;
  StageClock clock;
  for (int step = 0; step < 6; ++step) {
    const auto before = copy_of(update.model());
    update.step(data.pictures, data.recorded, data.number, clock);
    const auto phase = phase_of(config, step / 2);
    for (const auto& [name, tensor] : update.model().state()) {
      if (name.starts_with("scale.")) continue;
      const bool image = name.starts_with("image_");
      const bool moves =
          phase == WaveformPhase::kJoint || image == (phase == WaveformPhase::kImage);
      EXPECT_EQ(tensor.equal(before.at(name)), !moves) << name << " in step " << step;
    }
  }
}

TEST(WaveformUpdate, GoesOnWhereItWasSaved) {
  const auto config = tiny();
  const Data data;
  StageClock clock;
  const auto sizes = config.architecture(2, 16);
  WaveformUpdate one(config, sizes, at::kCPU, 2), other(config, sizes, at::kCPU, 2);
  for (int step = 0; step < 5; ++step) {
    one.step(data.pictures, data.recorded, data.number, clock);
    if (step != 2) continue;
    TensorFile state;
    one.save(state);
    for (auto& [name, tensor] : state.tensors) tensor = tensor.detach().clone();
    other.load(state);
  }
  for (int step = 3; step < 5; ++step) {
    other.step(data.pictures, data.recorded, data.number, clock);
  }
  const auto expected = one.model().state();
  for (const auto& [name, tensor] : other.model().state()) {
    EXPECT_TRUE(tensor.equal(expected.at(name))) << name;
  }
}

TEST(WaveformUpdate, LearnsEightPicturesThroughTheirWaveforms) {
  auto config = tiny();
  config.epochs = 300;
  config.image_epochs = 150;
  config.joint_epochs = 0;
  config.schedule_epochs = 300;
  config.flip = false;
  config.lr = 3e-3;
  WaveformUpdate update(config, config.architecture(2, 16), at::kCPU, 1);
  const Data data;
  StageClock clock;
  Figures first, last;
  for (int step = 0; step < 300; ++step) {
    last = update.step(data.pictures, data.recorded, data.number, clock);
    if (step == 150) first = last;
  }
  // Each of the eight has a waveform of its own, so a picture can be had from the recorded one too.
  EXPECT_LT(figure(last, "real"), 0.75 * figure(first, "real"));
  EXPECT_LT(figure(last, "synthetic"), 0.75 * figure(first, "synthetic"));
  EXPECT_LT(figure(last, "align"), 0.2);
}

TEST(WaveformUpdate, LossesThatAreNotFiniteLeaveTheWeights) {
  const auto config = tiny();
  WaveformUpdate update(config, config.architecture(2, 16), at::kCPU, 2);
  Data data;
  data.pictures[0][0][0][0] = std::nan("");
  const auto before = copy_of(update.model());
  StageClock clock;
  EXPECT_THROW(update.step(data.pictures, data.recorded, data.number, clock), Error);
  for (const auto& [name, tensor] : update.model().state()) {
    EXPECT_TRUE(tensor.equal(before.at(name)));
  }
}

TEST(WaveformConfig, PhasesAndRates) {
  auto config = tiny();
  config.epochs = 10;
  config.image_epochs = 4;
  config.joint_epochs = 2;
  config.schedule_epochs = 10;
  config.lr = 1;
  EXPECT_EQ(phase_of(config, 3), WaveformPhase::kImage);
  EXPECT_EQ(phase_of(config, 4), WaveformPhase::kWaveform);
  EXPECT_EQ(phase_of(config, 7), WaveformPhase::kWaveform);
  EXPECT_EQ(phase_of(config, 8), WaveformPhase::kJoint);
  EXPECT_EQ(phase_of(config, 30), WaveformPhase::kJoint);
  // 400 steps of the image: 20 of rise, then half a wave.
  EXPECT_NEAR(learning_rate(config, 0, 100), 1.0 / 20, 1e-12);
  EXPECT_NEAR(learning_rate(config, 20, 100), 1, 1e-12);
  EXPECT_NEAR(learning_rate(config, 210, 100), 0.01 + 0.99 / 2, 1e-9);
  EXPECT_NEAR(learning_rate(config, 399, 100), 0.01, 1e-3);
  EXPECT_NEAR(learning_rate(config, 420, 100), 1, 1e-12);
  EXPECT_NEAR(learning_rate(config, 810, 100), 0.1, 1e-12);
  EXPECT_NEAR(learning_rate(config, 2000, 100), 0.001, 1e-12);
  // Without a joint phase the waveform's stays, without both the image's.
  config.joint_epochs = 0;
  EXPECT_EQ(phase_of(config, 30), WaveformPhase::kWaveform);
  EXPECT_NEAR(learning_rate(config, 3000, 100), 0.01, 1e-12);
  config.image_epochs = 10;
  EXPECT_EQ(phase_of(config, 30), WaveformPhase::kImage);
  EXPECT_NEAR(learning_rate(config, 3000, 100), 0.01, 1e-12);
  config.image_epochs = 11;
  EXPECT_THROW(check(config), UsageError);
}

/// Two electrodes, one of which doubles: closed forms.
TEST(WaveformLosses, Moments) {
  const auto waves = at::randn({500, 2, 16}, at::detail::createCPUGenerator(3));
  EXPECT_EQ(moments_distance(waves, waves).item<double>(), 0);
  // A constant changes the mean and the spectrum at frequency zero, no covariance.
  const auto moved = waves + at::tensor({0.0F, 3.0F}).view({1, 2, 1});
  const double of_mean = 9.0 / 2;
  EXPECT_GT(moments_distance(moved, waves).item<double>(), of_mean);
  const auto zero_frequency = (at::fft_rfft(moved).abs().square().mean(0) + 1e-6).log() -
                              (at::fft_rfft(waves).abs().square().mean(0) + 1e-6).log();
  EXPECT_NEAR(moments_distance(moved, waves).item<double>(),
              of_mean + zero_frequency.square().mean().item<double>(), 0.02);
}

/// Against the formula written out in double precision.
TEST(WaveformLosses, Contrastive) {
  const auto generator = at::detail::createCPUGenerator(3);
  const auto one = at::randn({4, 6}, generator), other = at::randn({4, 6}, generator);
  const auto number = at::tensor(std::vector<std::int64_t>{1, 2, 1, 3}, at::kLong);
  double expected = 0;
  for (std::int64_t i = 0; i < 4; ++i) {
    double rows = 0, columns = 0;
    const auto alike = [&](std::int64_t a, std::int64_t b) {
      const auto x = one[a].to(at::kDouble), y = other[b].to(at::kDouble);
      return std::exp((x * y).sum().item<double>() /
                      (x.norm().item<double>() * y.norm().item<double>() * 0.07));
    };
    for (std::int64_t k = 0; k < 4; ++k) {
      if (k != i && number[k].item<int>() == number[i].item<int>()) continue;
      rows += alike(i, k);
      columns += alike(k, i);
    }
    expected -= (std::log(alike(i, i) / rows) + std::log(alike(i, i) / columns)) / 8;
  }
  EXPECT_NEAR(contrastive_loss(one, other, number).item<double>(), expected, 1e-4 * expected);
}

}  // namespace
}  // namespace neurosplat
