#include "neurosplat/systems/iterative_vae/bar_experiment.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/systems/iterative_vae/bar_figures.h"
#include "systems/iterative_vae/planted_gabors.h"

namespace neurosplat {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

BarExperiment short_experiment() {
  return {.directions = 24, .blank_frames = 80, .moving_frames = 120};
}

/// Degrees between orientations.
double apart(double a, double b) {
  const double difference = std::fmod(std::abs(a - b), 180.0);
  return std::min(difference, 180.0 - difference);
}

class PlantedBars : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::vector<Gabor> gabors;
    for (const double degrees : kStripes) gabors.push_back(testing::striped_at(degrees));
    model_ = new IterativeVae(testing::planted(testing::columns_of(gabors)));
    responses_ = new BarResponses(run_bars(*model_, short_experiment()));
  }
  static void TearDownTestSuite() {
    delete model_;
    delete responses_;
  }

  inline static const std::vector<double> kStripes = {0.0, 30.0, 75.0, 120.0};
  inline static IterativeVae* model_ = nullptr;
  inline static BarResponses* responses_ = nullptr;
};

// Bars go along their stripes: each neuron prefers its own orientation, to a step of directions.
TEST_F(PlantedBars, FindThePlantedOrientations) {
  const auto tuning = tuning_of(responses_->peak_rate);
  for (std::size_t k = 0; k < kStripes.size(); ++k) {
    const auto neuron = static_cast<std::int64_t>(k);
    EXPECT_LT(apart(tuning.preferred_orientation[neuron].item<double>(), kStripes[k]), 8.0) << k;
    EXPECT_LE(apart(tuning.preferred_direction[neuron].item<double>(), kStripes[k]), 15.0) << k;
    EXPECT_GT(tuning.orientation_selectivity[neuron].item<double>(), 0.3) << k;
    EXPECT_GT(tuning.peak[neuron].item<double>(), kSilentRate) << k;
  }
}

TEST_F(PlantedBars, AreRunAgainToTheSameSpikes) {
  const auto experiment = short_experiment();
  constexpr std::int64_t kNeuron = 2;
  const auto trace = trace_of_neuron(*model_, experiment, kNeuron);
  ASSERT_EQ(trace.rates.sizes(), at::IntArrayRef({experiment.frames(), experiment.directions}));
  const auto moving = [&](const at::Tensor& values) {
    return values.narrow(0, experiment.blank_frames, experiment.moving_frames);
  };
  const auto peak = std::get<0>(moving(trace.rates).max(0)).to(at::kDouble);
  EXPECT_TRUE(peak.equal(responses_->peak_rate.select(1, kNeuron)));
  EXPECT_EQ(moving(trace.spikes).sum().item<double>(), responses_->spikes[kNeuron].item<double>());
  EXPECT_NEAR(trace.rates[experiment.blank_frames - 1].mean().item<double>(),
              responses_->resting_rate[kNeuron].item<double>(), 1e-6);
}

// What is expected of simple cells: the answer comes with the bar in the middle, not before.
TEST_F(PlantedBars, AreAnsweredWhileTheyCross) {
  const auto experiment = short_experiment();
  for (std::int64_t neuron = 0; neuron < 4; ++neuron) {
    const ShownNeuron shown{neuron, experiment, model_->state().at("decoder.weight").detach(),
                            responses_->peak_rate.select(1, neuron),
                            trace_of_neuron(*model_, experiment, neuron)};
    const auto middle = experiment.blank_frames + experiment.moving_frames / 2;
    EXPECT_GT(shown.peak_frame(), middle - 20) << neuron;
    EXPECT_LT(shown.peak_frame(), middle + 30) << neuron;
    EXPECT_LT(responses_->resting_rate[neuron].item<double>(),
              0.2 * responses_->peak_rate.select(1, neuron).max().item<double>());
  }
}

TEST_F(PlantedBars, AreScoredFrameByFrame) {
  const auto experiment = short_experiment();
  ASSERT_EQ(responses_->r2.size(), static_cast<std::size_t>(experiment.frames()));
  ASSERT_EQ(responses_->mse.size(), responses_->r2.size());
  for (std::int64_t frame = 0; frame < experiment.frames(); ++frame) {
    const auto place = static_cast<std::size_t>(frame);
    EXPECT_GE(responses_->mse[place], 0.0);
    if (frame >= experiment.blank_frames) continue;
    EXPECT_TRUE(std::isnan(responses_->r2[place])) << frame;
  }
  // A bar in the middle is a contrast, and its Gabor explains some of it.
  EXPECT_TRUE(
      std::isfinite(responses_->r2[static_cast<std::size_t>(experiment.blank_frames + 60)]));
}

TEST_F(PlantedBars, CanBeDrawn) {
  const auto experiment = short_experiment();
  const auto column = model_->state().at("decoder.weight").detach().select(1, 1).contiguous();
  const ShownNeuron shown{1, experiment, column, responses_->peak_rate.select(1, 1),
                          trace_of_neuron(*model_, experiment, 1)};
  const auto figure = bar_figure(shown);
  ASSERT_EQ(figure.dim(), 3);
  EXPECT_TRUE(figure.isfinite().all().item<bool>());
  const auto window = window_around_peak(shown, 31);
  EXPECT_EQ(window.count, 31);
  EXPECT_LE(window.first, shown.peak_frame());
  EXPECT_GT(window.first + window.count, shown.peak_frame());
  const auto whole = window_around_peak(shown, 100'000);
  EXPECT_EQ(whole.first, experiment.blank_frames);
  EXPECT_EQ(whole.count, experiment.moving_frames);

  class Counting : public FrameSink {
   public:
    void write(const at::Tensor& picture) override {
      EXPECT_EQ(picture.size(1) % 2 + picture.size(2) % 2, 0);
      ++frames;
    }
    void close() override { closed = true; }
    int frames = 0;
    bool closed = false;
  } sink;
  write_bar_movie(shown, {window.first, 3}, sink);
  EXPECT_EQ(sink.frames, 3);
  EXPECT_TRUE(sink.closed);
}

TEST_F(PlantedBars, RefuseWhatCannotBe) {
  EXPECT_THROW(run_bars(*model_, {.directions = 2}), UsageError);
  EXPECT_THROW(run_bars(*model_, {.directions = 4, .blank_frames = 0}), UsageError);
  EXPECT_THROW(run_bars(*model_, {.directions = 4, .moving_frames = 1}), UsageError);
  EXPECT_THROW(run_bars(*model_, {.directions = 4, .width_share = 0.0}), UsageError);
  EXPECT_THROW(trace_of_neuron(*model_, short_experiment(), 4), UsageError);
  EXPECT_THROW(trace_of_neuron(*model_, short_experiment(), -1), UsageError);
  EXPECT_THROW(run_bars(IterativeVae({.model = "gaussian", .latents = 4}), short_experiment()),
               UsageError);
  EXPECT_THROW(run_bars(IterativeVae({.pixels = 15, .latents = 4}), short_experiment()),
               UsageError);
}

Tuning tuning_with(const std::vector<double>& peak, const std::vector<double>& selectivity) {
  Tuning tuning;
  tuning.peak = at::tensor(peak, at::kDouble);
  tuning.orientation_selectivity = at::tensor(selectivity, at::kDouble);
  tuning.direction_selectivity = 0.5 * tuning.orientation_selectivity;
  tuning.half_width = 100.0 * tuning.orientation_selectivity;
  return tuning;
}

std::vector<GaborFit> fits_with(const std::vector<double>& r2) {
  std::vector<GaborFit> fits;
  for (const double value : r2) fits.push_back({{}, value});
  return fits;
}

TEST(ChoosingANeuron, TakesTheMostActiveAndSelectiveOfThoseLikeGabors) {
  const auto tuning = tuning_with({9.0, 3.0, 4.0, 0.4}, {0.9, 0.5, 0.5, 1.0});
  EXPECT_EQ(choose_neuron(tuning, fits_with({0.5, 0.9, 0.95, 0.99})), 2);
  EXPECT_EQ(choose_neuron(tuning, fits_with({0.81, 0.9, 0.95, 0.99})), 0);
  // None like a Gabor, but those that are silent.
  EXPECT_EQ(choose_neuron(tuning, fits_with({0.5, 0.5, 0.5, 0.99})), 0);
  // All silent.
  EXPECT_EQ(choose_neuron(tuning_with({0.1, 0.3, kNone}, {0.5, 0.5, kNone}), fits_with({0, 0, 0})),
            1);
}

TEST(SummaryOfNeurons, TakesMediansOfThoseThatAreNotSilent) {
  const auto summary =
      summary_of(tuning_with({9.0, 3.0, 5.0, 0.4, kNone}, {0.9, 0.5, 0.6, 1.0, kNone}));
  EXPECT_DOUBLE_EQ(summary.share_silent, 0.4);
  EXPECT_DOUBLE_EQ(summary.peak_rate, 5.0);
  EXPECT_DOUBLE_EQ(summary.orientation_selectivity, 0.6);
  EXPECT_DOUBLE_EQ(summary.direction_selectivity, 0.3);
  EXPECT_DOUBLE_EQ(summary.half_width, 60.0);
  EXPECT_TRUE(std::isnan(summary_of(tuning_with({0.1}, {0.2})).orientation_selectivity));
}

}  // namespace
}  // namespace neurosplat
