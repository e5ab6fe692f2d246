#include "neurosplat/systems/splat_predictor/koopman_probe.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/io/npy_file.h"
#include "support/command.h"

namespace neurosplat {
namespace {

// The reference's probe on its own frames: figures as published (docs/neuro-splat.md).
TEST(KoopmanProbe, RepeatsTheReference) {
  const auto file = testing::source_folder() / "tests/fixtures/perception/S0_koopman_frames.npy";
  const auto result = run_koopman_probe({.frames = read_npy(file).to(at::kDouble)});
  EXPECT_NEAR(result.all_frames.free_db, 8.60494, 5e-6);
  EXPECT_NEAR(result.persistence_db, 22.45243, 5e-6);
  EXPECT_NEAR(result.all_frames.latent_persistence_db, 23.08841, 5e-6);
  EXPECT_NEAR(result.all_frames.static_mean_db, 15.72719, 5e-6);
  EXPECT_EQ(result.all_frames.best_anchor, 0.0);
  EXPECT_NEAR(result.all_frames.best_anchored_db, 23.09, 5e-3);
  EXPECT_NEAR(result.temporal_mass, 0.389, 5e-4);
  EXPECT_NEAR(result.static_mass, 0.290, 5e-4);
}

// A wave that runs over the picture turns its two components by a fixed angle: K is that turn, its
// eigenvalues exp(+- i speed), and it foresees what no frame seen can.
TEST(KoopmanProbe, FindsTheTurnOfARunningWave) {
  constexpr double kSpeed = 0.4;
  const auto x = at::arange(64, at::kDouble) * (2.0 * std::numbers::pi / 16.0);
  std::vector<at::Tensor> frames;
  for (int t = 0; t < 80; ++t) {
    frames.push_back((0.5 + 0.3 * at::cos(x - kSpeed * t)).view({1, 64}).expand({16, 64}));
  }
  const auto result = run_koopman_probe(
      {.frames = at::stack(frames), .components = 2, .fitted = 40, .anchors = 11, .shown = 50});
  // Two waves 0.4 apart: mean square (0.3^2 / 2) |1 - exp(0.4 i)|^2.
  const double moved = 0.045 * (2.0 - 2.0 * std::cos(kSpeed));
  EXPECT_NEAR(result.persistence_db, -10.0 * std::log10(moved), 1e-6);
  EXPECT_EQ(result.all_frames.best_anchor, 1.0);
  for (const auto& scores : {result.all_frames, result.fitted_frames}) {
    // A mean over whole frames leaves a little of the wave in it; the turn keeps its trace.
    EXPECT_NEAR(at::trace(scores.k).item<double>(), 2.0 * std::cos(kSpeed), 2e-2);
    EXPECT_NEAR(at::linalg_det(scores.k).item<double>(), 1.0, 2e-2);
    EXPECT_GT(scores.free_db, 35.0);
    EXPECT_GE(scores.best_anchor, 0.9);  // the fitted frames' mean is a little off the waves'
    EXPECT_NEAR(scores.latent_persistence_db, result.persistence_db, 1e-3);
  }
}

// What is new in the test frames is in the components of all frames and in none of the fitted
// ones: there it is lost, and what is decoded is the frame without it.
TEST(KoopmanProbe, TheFittedBasisKnowsNothingOfTheTestFrames) {
  auto frames = at::full({12, 4, 4}, 0.5, at::kDouble);
  for (int t = 0; t < 12; ++t) frames[t][0] += 0.1 * std::cos(0.5 * t);
  frames.narrow(0, 8, 4).select(1, 2) += 0.2;  // a row of its own, a quarter of the picture
  const auto result =
      run_koopman_probe({.frames = frames, .components = 10, .fitted = 8, .shown = 3});
  EXPECT_GT(result.all_frames.latent_persistence_db, result.persistence_db - 1e-6);
  double lost = 0;
  for (int t = 8; t < 11; ++t) {
    const double step = 0.1 * (std::cos(0.5 * t + 0.5) - std::cos(0.5 * t));
    lost += -10.0 * std::log10((0.04 + step * step) / 4) / 3;
  }
  EXPECT_NEAR(result.fitted_frames.latent_persistence_db, lost, 1e-9);
  EXPECT_EQ(result.fitted_components, 1);

  auto changed = frames.clone();
  changed.narrow(0, 8, 4).select(2, 3) -= 0.3;
  const auto other =
      run_koopman_probe({.frames = changed, .components = 10, .fitted = 8, .shown = 3});
  EXPECT_TRUE(result.fitted_frames.k.equal(other.fitted_frames.k));
}

TEST(KoopmanProbe, RefusesWhatCannotBe) {
  const auto frames = at::rand({10, 4, 4});
  EXPECT_THROW(run_koopman_probe({.frames = frames}), UsageError);
  EXPECT_THROW(run_koopman_probe({.frames = frames, .components = 11, .fitted = 5, .shown = 3}),
               UsageError);
  EXPECT_THROW(run_koopman_probe({.frames = frames, .components = 2, .fitted = 5, .shown = 9}),
               UsageError);
}

}  // namespace
}  // namespace neurosplat
