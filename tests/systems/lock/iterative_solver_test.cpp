// The iterative solver of the lock: a Gaussian over the latent numbers, kept from frame to frame.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <torch/csrc/autograd/autograd.h>
#include <cmath>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "neurosplat/systems/lock/lock_solver.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"
#include "systems/splat_vae/locking_model.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kSide = 32, kLatent = 8;
constexpr double kPlenty = 1e9;  // milliseconds: no test depends on the clock

/// Its encoder knows nothing, so that there is much to follow.
SplatVae model() {
  return testing::locking_model({.image_size = kSide, .packets = 24, .latent = kLatent});
}

/// What the decoder draws of a latent that the encoder does not find.
at::Tensor frame(std::uint64_t seed = 1) {
  const at::NoGradGuard no_gradient;
  const auto vae = model();
  vae.train(false);
  const auto generator = at::detail::createCPUGenerator(seed);
  return vae.draw(vae.decode(at::randn({1, kLatent}, generator, at::kFloat)))[0];
}

/// Posteriors of a random encoder are wide; the noise is chosen so that their steps do not
/// overshoot.
LockSolverSettings settings_of(std::int64_t samples = 0) {
  LockSolverSettings settings;
  settings.solver = "iterative";
  settings.observation_noise = 3;
  settings.samples = samples;
  return settings;
}

double psnr(const at::Tensor& a, const at::Tensor& b) {
  return -10 * std::log10(at::mse_loss(a, b).item<double>());
}

/// What this picture leads to in each of `frames` calls.
std::vector<LockView> still(LockSolver& lock, int frames, const at::Tensor& picture) {
  std::vector<LockView> views;
  for (int t = 0; t < frames; ++t) views.push_back(lock.follow(picture, kPlenty));
  return views;
}

/// One step by hand: z = mean + sigma^2 (x - drawn)^T J / s^2 from the encoder's posterior.
TEST(IterativeSolver, TheFirstStepIsTheEncodersVarianceTimesTheSlope) {
  const auto vae = model();
  vae.train(false);
  const auto settings = settings_of();
  const auto posterior = vae.encode(frame().unsqueeze(0));
  const auto z = posterior.mean.detach().requires_grad_();
  const auto drawn = vae.draw(vae.decode(z));
  const double variance = settings.observation_noise * settings.observation_noise;
  const auto energy = (drawn - frame()).square().sum() / (2 * variance);
  const auto slope = torch::autograd::grad({energy}, {z})[0];
  const at::NoGradGuard no_gradient;
  const auto change = -posterior.log_variance.exp() * slope;
  const auto moved = posterior.mean + 7 * at::tanh(change / 7);  // the clamp of iterative VAEs
  const auto expected = vae.draw(vae.decode(moved))[0];

  const auto view = make_lock_solver(vae, settings)->follow(frame(), kPlenty);
  EXPECT_EQ(view.steps, 1);
  EXPECT_GT(at::mse_loss(expected, drawn[0]).item<double>(), 1e-6);
  EXPECT_TRUE(at::allclose(view.locked, expected, 0, 1e-5));
  EXPECT_TRUE(at::allclose(view.prior, drawn[0], 0, 1e-5));
}

TEST(IterativeSolver, AStillPictureComesNearerFrameByFrame) {
  for (const std::int64_t samples : {0, 4}) {
    const auto lock = make_lock_solver(model(), settings_of(samples));
    const auto views = still(*lock, 12, frame());
    const double prior = psnr(views[0].prior, frame());
    EXPECT_GT(views[0].psnr_db, prior + 0.1) << samples;
    EXPECT_GT(views[3].psnr_db, views[0].psnr_db + 0.1) << samples;
    EXPECT_GT(views[11].psnr_db, views[3].psnr_db) << samples;
    EXPECT_NEAR(views[11].psnr_db, psnr(views[11].locked, frame()), 1e-3) << samples;
    for (const auto& view : views) EXPECT_EQ(view.steps, 1) << samples;
  }
}

/// Many frames of one step reach what the best latent draws (long descent by gradients alone).
TEST(IterativeSolver, EndsNearTheBestThatTheDecoderDraws) {
  const auto vae = model();
  const auto lock = make_lock_solver(vae, settings_of());
  const double reached = still(*lock, 60, frame()).back().psnr_db;
  LockSolverSettings descent;
  descent.solver = "latent";
  descent.steps = 150;
  descent.latent_rate = 0.03;
  const double best = make_lock_solver(vae, descent)->follow(frame(), kPlenty).psnr_db;
  EXPECT_GT(reached, best - 0.3);
}

TEST(IterativeSolver, ResetForgets) {
  for (const std::int64_t samples : {0, 2}) {
    const auto lock = make_lock_solver(model(), settings_of(samples));
    const auto first = still(*lock, 3, frame());
    EXPECT_FALSE(at::equal(first[0].locked, first[1].locked));
    lock->reset();
    const auto again = still(*lock, 3, frame());
    for (std::size_t t = 0; t < first.size(); ++t) {
      EXPECT_TRUE(at::equal(first[t].locked, again[t].locked)) << samples;
      EXPECT_TRUE(at::equal(first[t].packets, again[t].packets)) << samples;
    }
  }
}

TEST(IterativeSolver, OneSeedGivesOneRun) {
  const auto run = [](std::uint64_t seed) {
    auto settings = settings_of(2);
    settings.noise_seed = seed;
    return still(*make_lock_solver(model(), settings), 3, frame()).back().packets;
  };
  EXPECT_TRUE(at::equal(run(7), run(7)));
  EXPECT_FALSE(at::equal(run(7), run(8)));
}

/// What was seen yesterday is where today begins, though today has no time for a step.
TEST(IterativeSolver, TheStateOutlivesTheFrame) {
  const auto lock = make_lock_solver(model(), settings_of());
  const auto seen = still(*lock, 6, frame()).back();
  const auto hurried = lock->follow(frame(), 1e-6);
  EXPECT_EQ(hurried.steps, 0);
  EXPECT_TRUE(at::allclose(hurried.locked, seen.locked, 0, 1e-6));
  EXPECT_LT(psnr(hurried.prior, frame()), hurried.psnr_db - 0.5);  // the encoder's guess, no state
}

/// The prior draws the very frame: nothing kept is nearer.
TEST(IterativeSolver, ANewSceneStartsFromTheEncoder) {
  const auto vae = model();
  const auto lock = make_lock_solver(vae, settings_of());
  still(*lock, 6, frame());
  auto guess = at::full({3, kSide, kSide}, 0.5);
  for (int i = 0; i < 20; ++i) guess = vae.reconstruct(guess.unsqueeze(0))[0];
  const auto view = lock->follow(guess, kPlenty);
  const auto alone = make_lock_solver(vae, settings_of())->follow(guess, kPlenty);
  EXPECT_TRUE(at::allclose(view.packets, alone.packets, 1e-4, 1e-4));
}

/// A step far too long: the prior is shown, and the next frame begins from it.
TEST(IterativeSolver, NeverShowsWorseThanThePrior) {
  auto settings = settings_of();
  settings.observation_noise = 1e-4;
  const auto lock = make_lock_solver(model(), settings);
  for (std::uint64_t t = 0; t < 5; ++t) {
    const auto view = lock->follow(frame(t + 1), kPlenty);
    EXPECT_GE(view.psnr_db, psnr(view.prior, frame(t + 1)) - 1e-3) << t;
    EXPECT_NEAR(view.psnr_db, psnr(view.locked, frame(t + 1)), 1e-3) << t;
    const auto drawn =
        render(view.packets.unsqueeze(0), kSide, kSide, {.form = PacketForm::activated})[0];
    EXPECT_TRUE(at::allclose(drawn, view.locked, 0, 1e-4)) << t;
  }
}

/// More steps in a frame go further than one, as far as the leak lets them; a still scene goes on.
TEST(IterativeSolver, InnerStepsGoFurtherUntilTheLeakHoldsThem) {
  auto settings = settings_of();
  settings.natural_rate = 0.3;
  const auto after = [&](std::int64_t steps) {
    settings.inner_steps = steps;
    const auto view = make_lock_solver(model(), settings)->follow(frame(), kPlenty);
    EXPECT_EQ(view.steps, steps);
    return view.psnr_db;
  };
  const double one = after(1), five = after(5), sixty = after(60);
  EXPECT_GT(five, one);
  EXPECT_NEAR(sixty, after(61), 0.05);
  settings.inner_steps = 1;
  const auto frames = still(*make_lock_solver(model(), settings), 60, frame());
  EXPECT_GT(frames.back().psnr_db, sixty + 0.1);
}

TEST(IterativeSolver, DriftKeepsItMoving) {
  const auto moved = [](double drift) {
    auto settings = settings_of();
    settings.drift = drift;
    const auto lock = make_lock_solver(model(), settings);
    const auto views = still(*lock, 2, frame());
    return at::mse_loss(views[1].packets, views[0].packets).item<double>();
  };
  EXPECT_GT(moved(0.5), 1.05 * moved(0));
}

TEST(IterativeSolver, RefusesFramesAndSettingsThatCannotBe) {
  const auto lock = make_lock_solver(model(), settings_of());
  lock->follow(frame(), kPlenty);
  EXPECT_THROW(lock->follow(at::zeros({3, 16, 16}), kPlenty), UsageError);
  EXPECT_THROW(lock->follow(at::zeros({1, kSide, kSide}), kPlenty), UsageError);
  for (auto change : {+[](LockSolverSettings& s) { s.inner_steps = 0; },
                      +[](LockSolverSettings& s) { s.observation_noise = 0; },
                      +[](LockSolverSettings& s) { s.observation_noise = INFINITY; },
                      +[](LockSolverSettings& s) { s.natural_rate = NAN; },
                      +[](LockSolverSettings& s) { s.samples = -1; },
                      +[](LockSolverSettings& s) { s.samples = 1'000'000; },
                      +[](LockSolverSettings& s) { s.drift = -0.1; }}) {
    auto settings = settings_of();
    change(settings);
    EXPECT_THROW(check(settings), UsageError);
  }
}

}  // namespace
}  // namespace neurosplat
