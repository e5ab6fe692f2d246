#include "neurosplat/systems/cortex/live_cortex.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "neurosplat/figure/drawing.h"
#include "neurosplat/io/image_file.h"
#include "systems/splat_vae/locking_model.h"

namespace neurosplat {
namespace {

using testing::smooth_picture;

Frame frame(double phase) {
  return {(255.0 * smooth_picture(300, phase)).round().to(at::kByte).narrow(2, 0, 280).contiguous(),
          ""};
}

/// Panel `index` of four, without its label.
at::Tensor panel(const at::Tensor& panels, std::int64_t index) {
  return panels.narrow(1, 20, 256).narrow(2, 260 * index, 256);
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

double psnr(const at::Tensor& a, const at::Tensor& b) {
  return -10.0 * std::log10((a - b).to(at::kDouble).square().mean().item<double>());
}

TEST(LiveAgreement, ShowsWhatItSaw) {
  LiveAgreement live({}, blurred_gist(), "gist", "gist (theta)");
  const auto seen = live.see(frame(0.0));
  ASSERT_EQ(seen.panels.sizes(), at::IntArrayRef({3, 276, 1036}));
  const auto retina = grey_square(frame(0.0).picture, 256).to(at::kFloat);
  const auto gist = blurred_gist()(retina);
  AgreementCortex cortex;
  const auto expected = cortex.perceive(retina, gist);
  constexpr double kRounding = 0.5 / 255.0 + 1e-6;
  EXPECT_LT(difference(panel(seen.panels, 0), grey_picture(retina)), kRounding);
  EXPECT_LT(difference(panel(seen.panels, 1), grey_picture(gist)), kRounding);
  const auto rings = with_rings(
      grey_picture(expected.percept),
      [&] {
        std::vector<Place> places;
        for (const auto& [row, column] : expected.fixations)
          places.push_back({static_cast<double>(row), static_cast<double>(column)});
        return places;
      }(),
      16.0, kYellow);
  EXPECT_LT(difference(panel(seen.panels, 2), rings), 1e-3);
  const auto surprise = magma(expected.surprise / expected.surprise.max());
  EXPECT_LT(difference(panel(seen.panels, 3), surprise), 1e-3);
  EXPECT_EQ(live.fixations(), expected.fixations);
  ASSERT_EQ(seen.numbers.size(), agreement_columns().size());
  EXPECT_NEAR(seen.numbers[0], psnr(gist, retina), 1e-3);
  EXPECT_NEAR(seen.numbers[1], psnr(expected.percept, retina), 1e-3);
  EXPECT_NEAR(seen.numbers[2], expected.surprise.mean().item<double>(), 1e-6);
}

TEST(LiveAgreement, ForgetsWhenReset) {
  LiveAgreement live({}, blurred_gist(), "gist", "gist");
  const auto first = live.see(frame(0.0)).panels;
  EXPECT_FALSE(live.see(frame(0.0)).panels.equal(first));
  live.reset();
  EXPECT_TRUE(live.see(frame(0.0)).panels.equal(first));
}

TEST(LiveAgreement, TemporalIsNotSurprisedByAStill) {
  LiveAgreement live({.gated = false}, of_the_frame_before(), "prior", "prior");
  const auto first = live.see(frame(0.0));
  const auto second = live.see(frame(0.0));
  EXPECT_GT(first.numbers[2], 5e-3);
  EXPECT_LT(second.numbers[2], 1e-4);
  EXPECT_GT(live.see(frame(1.0)).numbers[2], 5e-3);
}

TEST(LiveSaccades, ShowsThreePanels) {
  const SaccadeCortex cortex(testing::locking_model({32, 24, 8}), {.fixations = 2, .steps = 3});
  const auto seen = see_saccades(cortex, frame(0.0));
  ASSERT_EQ(seen.panels.sizes(), at::IntArrayRef({3, 84, 200}));
  const auto retina = centre_square(frame(0.0).picture, 32).to(at::kFloat) / 255.0;
  const auto shown = seen.panels.narrow(1, 20, 64).narrow(2, 0, 64);
  EXPECT_LT(difference(shown.slice(1, 0, 64, 2).slice(2, 0, 64, 2), retina), 1e-3);
  EXPECT_GT(seen.numbers[1], seen.numbers[0]);
}

}  // namespace
}  // namespace neurosplat
