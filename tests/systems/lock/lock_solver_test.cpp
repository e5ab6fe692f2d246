#include "neurosplat/systems/lock/lock_solver.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"
#include "systems/lock/phase_lock.h"

namespace neurosplat {
namespace {

using testing::PhaseLock;

constexpr double kPlenty = 1e9;  // milliseconds: no test depends on the clock

SplatVae small_model() {
  return SplatVae({.image_size = 32, .packets = 48, .latent = 8}, 3);
}

/// A disc on a gradient.
at::Tensor scene(double x) {
  const auto u = at::linspace(0, 1, 32).unsqueeze(0), v = at::linspace(0, 1, 32).unsqueeze(1);
  const auto disc = at::sigmoid(40 * (0.2 - ((u - x).square() + (v - 0.5).square()).sqrt()));
  return at::stack({0.2 + 0.6 * disc, 0.3 + 0.3 * u.expand({32, 32}), 0.7 - 0.5 * disc});
}

LockSolverSettings solver(const std::string& name) {
  LockSolverSettings settings;
  settings.solver = name;
  settings.adapt = false;
  return settings;
}

double psnr(const at::Tensor& a, const at::Tensor& b) {
  return -10 * std::log10(at::mse_loss(a, b).item<double>());
}

TEST(LockSolver, EveryOneShowsWhatItsPacketsDraw) {
  for (const auto& name : lock_solver_names()) {
    auto settings = solver(name);
    settings.learning_rate = 0.05;  // the reference's 0.2 overshoots at first
    const auto lock = make_lock_solver(small_model(), settings);
    const auto frame = scene(0.4);
    const auto view = lock->follow(frame, kPlenty);
    const auto drawn =
        render(view.packets.unsqueeze(0), 32, 32, {.form = PacketForm::activated})[0];
    EXPECT_TRUE(at::allclose(drawn, view.locked, 0, 1e-4)) << name;
    EXPECT_NEAR(view.psnr_db, psnr(view.locked, frame), 1e-3) << name;
    EXPECT_GT(view.psnr_db, psnr(view.prior, frame)) << name;
    EXPECT_GE(view.steps, 1) << name;
  }
}

TEST(LockSolver, AdamIsTheReferencesLock) {
  const auto model = small_model();
  const auto view = make_lock_solver(model, solver("adam"))->follow(scene(0.5), kPlenty);
  const auto reference = PhaseLock(model, {5, 0.2}).lock(scene(0.5));
  EXPECT_EQ(view.steps, 5);
  EXPECT_TRUE(at::allclose(view.locked, reference.locked, 0, 1e-4));
  EXPECT_TRUE(at::allclose(view.prior, reference.prior, 0, 1e-6));
}

TEST(LockSolver, TheClosedFormBeatsTheReferencesDescent) {
  const auto frame = scene(0.4);
  const double closed =
      make_lock_solver(small_model(), solver("closed-form"))->follow(frame, kPlenty).psnr_db;
  for (const auto& [rate, steps] : {std::pair{0.2, 5}, std::pair{0.05, 10}}) {
    auto descent = solver("adam");
    descent.learning_rate = rate;
    descent.steps = steps;
    EXPECT_GT(closed, make_lock_solver(small_model(), descent)->follow(frame, kPlenty).psnr_db + 6);
  }
}

/// Descent on the geometry never loses what the solve has won, and gains with time.
TEST(LockSolver, GeometryAdapts) {
  auto settings = solver("closed-form");
  const double fixed = make_lock_solver(small_model(), settings)->follow(scene(0.4), 300).psnr_db;
  settings.adapt = true;
  const auto lock = make_lock_solver(small_model(), settings);
  double last = lock->follow(scene(0.4), 100).psnr_db;
  EXPECT_GE(last, fixed - 1e-3);
  for (int frame = 0; frame < 5; ++frame) {
    const double next = lock->follow(scene(0.4), 100).psnr_db;
    EXPECT_GE(next, last - 1e-3);
    last = next;
  }
}

TEST(LockSolver, AHurriedStartIsMadeGoodLater) {
  const auto lock = make_lock_solver(small_model(), solver("closed-form"));
  lock->follow(scene(0.4), 1e-6);
  const auto later = lock->follow(scene(0.4), kPlenty);
  const auto alone =
      make_lock_solver(small_model(), solver("closed-form"))->follow(scene(0.4), kPlenty);
  EXPECT_TRUE(at::allclose(later.packets, alone.packets, 1e-4, 1e-4));
}

TEST(LockSolver, FollowsASceneThatMovesOrChanges) {
  const auto lock = make_lock_solver(small_model(), solver("closed-form"));
  const double first = lock->follow(scene(0.3), kPlenty).psnr_db;
  const double still = lock->follow(scene(0.3), kPlenty).psnr_db;
  EXPECT_GE(still, first - 1e-3);
  // The geometry stays where the first frame put it: less is possible, not nothing.
  EXPECT_GT(lock->follow(scene(0.7), kPlenty).psnr_db, 20);
  lock->reset();
  const auto fresh = lock->follow(scene(0.7), kPlenty);
  const auto alone =
      make_lock_solver(small_model(), solver("closed-form"))->follow(scene(0.7), kPlenty);
  EXPECT_TRUE(at::allclose(fresh.packets, alone.packets, 1e-4, 1e-4));
}

TEST(LockSolver, EveryGeometryServes) {
  for (const auto geometry : {Geometry::picture, Geometry::anchors, Geometry::decoder}) {
    auto settings = solver("closed-form");
    settings.geometry = geometry;
    const auto view = make_lock_solver(small_model(), settings)->follow(scene(0.4), kPlenty);
    EXPECT_GT(view.psnr_db, psnr(view.prior, scene(0.4)));
    EXPECT_EQ(view.packets.size(0), 48);
  }
}

TEST(LockSolver, RidgeAndThresholdHoldAmplitudesDown) {
  const auto largest = [](double ridge, double threshold) {
    auto settings = solver("closed-form");
    settings.ridge = ridge;
    settings.threshold = threshold;
    const auto view = make_lock_solver(small_model(), settings)->follow(scene(0.4), kPlenty);
    return view.packets.slice(1, 5).abs().max().item<double>();
  };
  const double loose = largest(1e-4, 0), held = largest(1e-1, 0);
  EXPECT_LT(held, loose);
  EXPECT_LT(largest(1e-4, 0.5), loose);
}

TEST(LockSolver, NoPacketIsNarrowerThanAsked) {
  auto settings = solver("closed-form");
  const auto narrowest = [&](double width) {
    settings.narrowest = width;
    const auto view = make_lock_solver(small_model(), settings)->follow(scene(0.4), kPlenty);
    return view.packets.select(1, 2).min().item<double>();
  };
  EXPECT_LT(narrowest(0.005), 0.06);
  EXPECT_GE(narrowest(0.08), 0.08 - 1e-6);
}

TEST(LockSolver, AnyBudgetGivesAView) {
  for (const auto& name : lock_solver_names()) {
    const auto lock = make_lock_solver(small_model(), solver(name));
    const auto view = lock->follow(scene(0.4), 1e-6);
    EXPECT_TRUE(view.locked.isfinite().all().item<bool>()) << name;
    EXPECT_EQ(view.steps, 0) << name;  // a start has solved already
    EXPECT_TRUE(view.prior.isfinite().all().item<bool>()) << name;
  }
}

/// However short the time, no frame is shown as the one before, and none worse than the prior.
TEST(LockSolver, HurriedFramesAreFollowedAll) {
  const auto lock = make_lock_solver(small_model(), {});
  LockView before = lock->follow(scene(0.3), 1e-6);
  for (const double x : {0.32, 0.36, 0.7, 0.2, 0.22}) {
    const auto view = lock->follow(scene(x), 1e-6);
    EXPECT_GT(psnr(view.locked, scene(x)), psnr(before.locked, scene(x)) + 1) << x;
    EXPECT_GT(view.psnr_db, 18) << x;
    EXPECT_GE(view.psnr_db, psnr(view.prior, scene(x)) - 1e-3) << x;
    before = view;
  }
}

/// A frame that no packet of the lock reaches (noise, from anchors) is shown as the prior sees it,
/// if that is nearer: here the prior draws the very frame.
TEST(LockSolver, ThePriorIsShownWhereItIsNearer) {
  const auto model = small_model();
  const auto lock = make_lock_solver(model, solver("closed-form"));
  lock->follow(scene(0.4), kPlenty);
  const auto fixed_point = lock->follow(at::full({3, 32, 32}, 0.5), 1e-6).prior;
  const auto view = lock->follow(fixed_point, 1e-6);
  const double prior = std::min(psnr(view.prior, fixed_point), 100.0);  // the cap
  EXPECT_GE(view.psnr_db, prior - 1e-3);
  const auto drawn = render(view.packets.unsqueeze(0), 32, 32, {.form = PacketForm::activated})[0];
  EXPECT_TRUE(at::allclose(drawn, view.locked, 0, 1e-4));
}

/// Whoever knows a latent better than the encoder is believed, until it is taken back.
TEST(LockSolver, ThePriorIsTheLatentThatIsExpected) {
  for (const auto& name : lock_solver_names()) {
    const auto model = small_model();
    const auto lock = make_lock_solver(model, solver(name));
    const auto frame = scene(0.4);
    const auto encoded = lock->follow(frame, kPlenty).prior;
    const auto latent = at::linspace(-20, 20, 8);
    const auto expected = model.draw(model.decode(latent.unsqueeze(0)))[0].detach();
    ASSERT_GT((expected - encoded).abs().max().item<double>(), 0.01);
    lock->reset();
    lock->expect(latent);
    EXPECT_TRUE(lock->follow(frame, kPlenty).prior.allclose(expected, 1e-4, 1e-5)) << name;
    lock->reset();
    lock->expect({});
    EXPECT_TRUE(lock->follow(frame, kPlenty).prior.allclose(encoded, 1e-4, 1e-5)) << name;
    lock->expect(at::zeros({7}));
    EXPECT_THROW(lock->follow(frame, kPlenty), UsageError) << name;
  }
}

TEST(LockSolver, RefusesSettingsThatCannotBe) {
  EXPECT_THROW(check(solver("newton")), UsageError);
  for (auto change : {+[](LockSolverSettings& s) { s.ridge = 0; },
                      +[](LockSolverSettings& s) { s.threshold = -1; },
                      +[](LockSolverSettings& s) { s.narrowest = 0; },
                      +[](LockSolverSettings& s) { s.narrowest = NAN; },
                      +[](LockSolverSettings& s) { s.steps = 0; },
                      +[](LockSolverSettings& s) { s.learning_rate = NAN; },
                      +[](LockSolverSettings& s) { s.latent_rate = -1; }}) {
    auto settings = solver("closed-form");
    change(settings);
    EXPECT_THROW(check(settings), UsageError);
  }
}

}  // namespace
}  // namespace neurosplat
