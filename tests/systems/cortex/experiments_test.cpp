// The reference's experiments on its own inputs: figures as published (docs/neuro-splat.md).
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "neurosplat/core/error.h"
#include "neurosplat/io/npy_file.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/systems/cortex/agreement_experiment.h"
#include "neurosplat/systems/cortex/prior_alignment.h"
#include "neurosplat/systems/cortex/saccade_demo.h"
#include "support/command.h"

namespace neurosplat {
namespace {

at::Tensor input(const std::string& name) {
  return read_npy(testing::source_folder() / "tests/fixtures/perception" / name).to(at::kDouble);
}

at::Tensor astronaut() {
  return input("S0_astronaut256.npy");
}

TEST(Agreement, RepeatsTheReference) {
  const auto picture = astronaut();
  const auto result = run_agreement({.picture = picture, .world = with_turned_box(picture, {})});
  EXPECT_NEAR(result.gist_db, 16.4225, 5e-5);
  EXPECT_NEAR(result.held_db, 17.5052, 5e-5);
  EXPECT_NEAR(result.stitch_db, 19.0169, 5e-5);
  EXPECT_NEAR(result.window_gist_db, 18.2831, 5e-5);
  EXPECT_NEAR(result.window_held_db, 20.2830, 5e-5);
  EXPECT_NEAR(result.surprise_before, 0.4793, 5e-5);
  EXPECT_NEAR(result.surprise_after, 0.2746, 5e-5);
  EXPECT_EQ(result.fixations, (std::vector<Fixation>{{85, 166},
                                                     {159, 237},
                                                     {44, 233},
                                                     {215, 90},
                                                     {42, 62},
                                                     {221, 179},
                                                     {126, 85},
                                                     {152, 168},
                                                     {88, 221},
                                                     {113, 18},
                                                     {61, 108},
                                                     {232, 237},
                                                     {39, 177},
                                                     {159, 237}}));
  ASSERT_EQ(result.surprise.size(), 14U);
  EXPECT_NEAR(result.surprise[1], 0.3865, 5e-5);
  EXPECT_NEAR(result.surprise[3], 0.3558, 5e-5);
  EXPECT_NEAR(result.surprise[9], 0.3172, 5e-5);
  EXPECT_NEAR(result.surprise[11], 0.3168, 5e-5);
}

TEST(Agreement, OfAnEvenWorldIsFinite) {
  const auto even = at::full({256, 256}, 0.5, at::kDouble);
  const auto result = run_agreement({.picture = even, .world = even});
  EXPECT_EQ(result.gist_db, kLargestPsnrDb);
  EXPECT_EQ(result.stitch_db, kLargestPsnrDb);
  EXPECT_EQ(result.window_held_db, kLargestPsnrDb);
}

TEST(Novelty, RepeatsTheReference) {
  const auto picture = astronaut();
  const auto result = run_novelty({.picture = picture, .world = with_turned_box(picture, {})});
  EXPECT_NEAR(result.enrichment_intensity, 4.8234, 5e-5);
  EXPECT_NEAR(result.enrichment_phase, 7.7146, 5e-5);
  EXPECT_EQ(result.fixations_in_box, 4);
  EXPECT_EQ(
      result.fixations,
      (std::vector<Fixation>{{45, 168}, {159, 237}, {87, 207}, {104, 161}, {48, 213}, {159, 237}}));
}

TEST(TurnedBox, IsTheReferencesWorld) {
  const auto folder = testing::shared_folder("reference/fixtures");
  if (!folder) GTEST_SKIP() << "no shared fixtures: S0_world256.npy is not part of this checkout";
  const auto world = read_npy(*folder / "S0_world256.npy");
  // The reference turns with a cubic spline, whose mirrored ends are off by some 1e-6.
  const auto error = (with_turned_box(astronaut(), {}) - world).abs().max().item<double>();
  EXPECT_LT(error, 5e-6);
}

TEST(TurnedBox, TurnsAndKeepsMeanAndSpread) {
  const auto picture = at::rand({30, 40}, at::detail::createCPUGenerator(1), at::kDouble);
  const Box box{5, 13, 20, 28};
  const auto world = with_turned_box(picture, box);
  // Counterclockwise: the last column becomes the first row.
  EXPECT_NEAR(world[5][20].item<double>(), picture[5][27].item<double>(), 1e-12);
  EXPECT_NEAR(world[12][20].item<double>(), picture[5][20].item<double>(), 1e-12);
  EXPECT_NEAR(world.mean().item<double>(), picture.mean().item<double>(), 1e-12);
  EXPECT_TRUE(world.narrow(1, 0, 20).equal(picture.narrow(1, 0, 20)));
  EXPECT_THROW(with_turned_box(picture, {5, 13, 20, 29}), UsageError);
  EXPECT_THROW(with_turned_box(picture, {-1, 7, 20, 28}), UsageError);
  EXPECT_THROW(with_turned_box(picture, {25, 33, 20, 28}), UsageError);
}

TEST(PriorAlignment, RepeatsTheReference) {
  const auto scores =
      run_prior_alignment({.frame = astronaut(), .other = input("S0_cameraman256.npy")});
  const double expected[3][3] = {{0.673, 18.03, 18.31}, {0.586, 11.32, 11.49}, {0.555, 8.57, 8.77}};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(scores[i].gain, expected[i][0], 5e-4) << scores[i].name;
    EXPECT_NEAR(scores[i].prior_db, expected[i][1], 5e-3) << scores[i].name;
    EXPECT_NEAR(scores[i].percept_db, expected[i][2], 5e-3) << scores[i].name;
  }
}

TEST(SaccadeDemo, RepeatsTheReference) {
  const auto result =
      run_saccade_demo({.picture = input("S0_hopper84.npy"),
                        .gist_draws = input("S0_saccade_gist_draws.npy").view({3, 70}),
                        .draws = input("S0_saccade_draws.npy").view({10, 6, 26})});
  EXPECT_NEAR(result.fovea_before_db, 14.3042, 5e-5);
  EXPECT_NEAR(result.fovea_after_db, 15.9076, 5e-5);
  EXPECT_NEAR(result.periphery_before_db, 16.8698, 5e-5);
  EXPECT_NEAR(result.periphery_after_db, 17.1382, 5e-5);
  EXPECT_NEAR(result.whole_before_db, 14.5665, 5e-5);
  EXPECT_NEAR(result.whole_after_db, 16.0507, 5e-5);
  EXPECT_EQ(result.fixations, (std::vector<Fixation>{{58, 37},
                                                     {7, 36},
                                                     {24, 2},
                                                     {55, 83},
                                                     {52, 7},
                                                     {83, 83},
                                                     {74, 0},
                                                     {48, 55},
                                                     {11, 55},
                                                     {83, 40}}));
}

TEST(SaccadeDemo, TakesDrawsOfItsOwn) {
  const auto draws = random_saccade_draws(3, 8, 5);
  ASSERT_EQ(draws.sizes(), at::IntArrayRef({3, 6, 8}));
  EXPECT_TRUE(draws.equal(random_saccade_draws(3, 8, 5)));
  EXPECT_FALSE(draws.equal(random_saccade_draws(3, 8, 6)));
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(std::get<0>(draws[i][3].sort()).equal(at::arange(8, at::kDouble)));
  }
  const auto axis = at::linspace(0, 9, 40, at::kDouble);
  const SaccadeDemoRequest request{.picture = 0.5 + 0.3 * at::outer(axis.sin(), axis.cos()),
                                   .gist_draws = random_gist_draws(20, 1),
                                   .draws = draws};
  const auto result = run_saccade_demo(request);
  EXPECT_EQ(result.fixations.size(), 3U);
  EXPECT_GT(result.fovea_after_db, result.fovea_before_db);
  auto wrong = request;
  wrong.draws = draws.clone();
  wrong.draws.select(1, 3).fill_(8.0);
  EXPECT_THROW(run_saccade_demo(wrong), UsageError);
  wrong = request;
  wrong.gist_draws = at::zeros({3, 82}, at::kDouble);
  EXPECT_THROW(run_saccade_demo(wrong), UsageError);
}

}  // namespace
}  // namespace neurosplat
