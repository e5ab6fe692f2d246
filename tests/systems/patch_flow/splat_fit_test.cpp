#include "neurosplat/systems/patch_flow/splat_fit.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/metrics/picture_quality.h"
#include "systems/patch_flow/patch_flow_update.h"

namespace neurosplat {
namespace {

constexpr std::int64_t kSplats = 4, kTile = 8;

patches::Form form(patches::Kernel kernel) {
  return {.kernel = kernel, .sharing = patches::Sharing::kOwn, .tile = kTile};
}

/// A picture of 2 x 2 tiles that splats of this kernel can draw: near their grid.
at::Tensor drawable(patches::Kernel kernel) {
  const auto generator = at::detail::createCPUGenerator(11);
  const auto raw = splats_on_a_grid(kSplats).expand({1, 2, 2, kSplats, patches::kNumbers}) +
                   0.25 * at::randn({1, 2, 2, kSplats, patches::kNumbers}, generator, at::kFloat);
  return unit_of(patches::render(patches::activate(raw, {.depth_gain = 0.125}), form(kernel)));
}

// Sharp kernels have kinks, where descent stays.
TEST(SplatFit, FindsSplatsOfAPictureThatSplatsDrew) {
  for (const auto& [kernel, gain] :
       {std::pair{patches::Kernel::kCosine, 15.0}, std::pair{patches::Kernel::kSharp, 9.0}}) {
    const auto picture = drawable(kernel);
    std::int64_t steps = 0;
    const SplatFit fit{.splats = kSplats, .steps = 500, .form = form(kernel)};
    const auto quality = [&](const at::Tensor& raw) {
      const auto drawn = unit_of(patches::render(patches::activate(raw, fit.activation), fit.form));
      return psnr_db(drawn, picture).item<double>();
    };
    const auto raw = fit_splats(picture, fit, [&] { ++steps; });
    const auto start = splats_on_a_grid(kSplats).expand_as(raw);
    EXPECT_GT(quality(raw) - quality(start), gain) << quality(raw) << " " << quality(start);
    EXPECT_EQ(steps, 500);
  }
}

TEST(SplatFit, GridOfCentresFillsTheTile) {
  const auto raw = splats_on_a_grid(4).view({1, 1, 1, 4, patches::kNumbers});
  const auto splats = patches::activate(raw)[0][0][0];
  const auto expected = at::tensor({0.25F, 0.25F, 0.75F, 0.25F, 0.25F, 0.75F, 0.75F, 0.75F});
  EXPECT_TRUE(at::allclose(splats.narrow(1, 0, 2).flatten(), expected));
  EXPECT_THROW(splats_on_a_grid(5), UsageError);
}

TEST(SplatFit, RefusesSidesThatTilesDoNotDivide) {
  EXPECT_THROW(fit_splats(at::zeros({1, 3, 12, 16}), {}), UsageError);
  EXPECT_THROW(fit_splats(at::zeros({1, 3, 16, 16}), {.steps = 0, .form = {}}), UsageError);
}

TEST(GradientEnergyRatio, IsAShareOfTheTargetsDifferences) {
  // A ramp of slope 1 down and 2 across beside one of half these.
  const auto rows = at::arange(4, at::kFloat).view({1, 1, 4, 1});
  const auto columns = at::arange(4, at::kFloat).view({1, 1, 1, 4});
  const auto ramp = rows + 2 * columns;
  EXPECT_DOUBLE_EQ(gradient_energy_ratio(ramp / 2, ramp), 0.5);
}

}  // namespace
}  // namespace neurosplat
