#include "systems/splat_vae/augmentation.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "neurosplat/processes/batch_share.h"

namespace neurosplat {
namespace {

constexpr double kScale = 0.22, kMeanScale = -0.04, kStretch = 0.06, kTurn = 0.2, kShift = 0.25;

// grid_sampler's numbers for bilinear interpolation and reflection.
constexpr int kBilinear = 0, kReflection = 2;

}  // namespace

at::Tensor augmented(const at::Tensor& pictures, const at::Generator& generator) {
  const at::NoGradGuard no_gradient;
  const auto count = pictures.size(0);
  const auto drawn = processes::uniform_rows({6, count}, generator, 1) * 2 - 1;
  const auto scale = (drawn[0] * kScale + kMeanScale).exp(), stretch = (drawn[1] * kStretch).exp();
  const auto turn = drawn[2] * kTurn, mirror = at::where(drawn[3] < 0, -1.0, 1.0).to(at::kFloat);
  const auto right = scale * stretch * mirror, down = scale / stretch;
  // From the new picture's places to the old one's, both -1 to 1.
  const auto row = [](const at::Tensor& x, const at::Tensor& y, const at::Tensor& shift) {
    return at::stack({x, y, shift}, 1);
  };
  const auto places = at::stack({row(right * turn.cos(), -down * turn.sin(), drawn[4] * kShift),
                                 row(right * turn.sin(), down * turn.cos(), drawn[5] * kShift)},
                                1)
                          .to(pictures.device());
  const auto grid = at::affine_grid_generator(places, pictures.sizes(), false);
  return at::grid_sampler(pictures, grid, kBilinear, kReflection, false);
}

}  // namespace neurosplat
