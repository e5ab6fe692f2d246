#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "neurosplat/renderer/patches/patches.h"
#include "patch_cases.h"
#include "renderer_numbers.h"

namespace neurosplat::testing {

/// Activated splats of a case, float32, on the CPU.
inline at::Tensor patch_splats(const PatchCase& one, std::uint64_t seed = 7) {
  const auto raw = at::randn({one.batch, one.rows, one.columns, one.splats, patches::kNumbers},
                             at::detail::createCPUGenerator(seed), at::kDouble) *
                   one.spread;
  return patches::activate(raw, one.activation).to(at::kFloat);
}

/// K(D) and the depth profile to the power of two, as the note has them (docs/renderer.md, "The
/// patch renderer").
inline double patch_kernel(patches::Kernel kernel, double distance) {
  using patches::Kernel;
  const double x = kernel == Kernel::kSharp ? std::min(2 * distance, 2.0) : 2 * distance;
  switch (kernel) {
    case Kernel::kExponential:
      return std::exp(-distance);
    case Kernel::kCosine:
      return std::exp(-distance) * std::cos(6 * distance);
    default:
      break;
  }
  const double growth = std::exp(kernel == Kernel::kSharp ? x : -x);
  return 1 - std::pow(std::min(x, 1.0), 16) - 4 * growth * std::sin(std::max(x, 1.0) - 1);
}

inline double patch_log_depth(patches::Kernel kernel, double distance) {
  if (!patches::is_sharp(kernel)) return -4 * distance;
  const double x = std::min(2 * distance, 2.0);
  return 2 * std::log(std::max(1 - std::pow(std::min(x, 1.0), 4), std::exp(-4 * x)));
}

/// Plain loops in double, weights as logarithms; and where a sharp kernel has no kink within
/// rounding, beyond which a derivative in float32 may be that of the other side.
struct PatchPicture {
  at::Tensor picture;  // [B, 3, H, W]
  at::Tensor smooth;   // [B, 1, H, W], 1 or 0
};

/// Draws the splats of all cells at most `reach` away: 0 own, 1 neighbours, many: the global
/// renderer.
inline PatchPicture patch_loops(const at::Tensor& splats, const patches::Form& form,
                                std::int64_t reach) {
  const auto given = splats.to(at::kDouble).contiguous();
  const auto s = given.accessor<double, 5>();
  const std::int64_t rows = given.size(1), columns = given.size(2), tile = form.tile;
  auto picture = at::zeros({given.size(0), 3, rows * tile, columns * tile}, at::kDouble);
  auto smooth = at::ones({given.size(0), 1, rows * tile, columns * tile}, at::kDouble);
  auto out = picture.accessor<double, 4>();
  auto flat = smooth.accessor<double, 4>();
  struct Part {
    double log_weight, value, colour[3];
  };
  std::vector<Part> parts;
  for (std::int64_t b = 0; b < given.size(0); ++b) {
    for (std::int64_t i = 0; i < rows * tile; ++i) {
      for (std::int64_t j = 0; j < columns * tile; ++j) {
        parts.assign(1, {std::log(1e-6), 0, {0, 0, 0}});
        for (std::int64_t r = 0; r < rows; ++r) {
          for (std::int64_t c = 0; c < columns; ++c) {
            if (std::abs(r - i / tile) > reach || std::abs(c - j / tile) > reach) continue;
            for (std::int64_t k = 0; k < given.size(3); ++k) {
              const auto n = s[b][r][c][k];
              const double u = (static_cast<double>(j) + 0.5) / static_cast<double>(tile);
              const double v = (static_cast<double>(i) + 0.5) / static_cast<double>(tile);
              const double x = (u - static_cast<double>(c) - n[0]) * n[2];
              const double y = (v - static_cast<double>(r) - n[1]) * n[3];
              const double distance = x * x + y * y + 2 * n[4] * x * y;
              parts.push_back({2 * (n[8] - 32) + patch_log_depth(form.kernel, distance),
                               patch_kernel(form.kernel, distance),
                               {n[5], n[6], n[7]}});
              for (const double kink : {0.9953012, 1.0, 2.0}) {
                if (std::abs(2 * distance - kink) < 2e-5) flat[b][0][i][j] = 0;
              }
            }
          }
        }
        double most = parts[0].log_weight, weight = 0, colour[3] = {};
        for (const Part& part : parts) most = std::max(most, part.log_weight);
        for (const Part& part : parts) {
          const double g = std::exp(part.log_weight - most);
          weight += g;
          for (int k = 0; k < 3; ++k) colour[k] += g * part.value * part.colour[k];
        }
        for (int k = 0; k < 3; ++k) out[b][k][i][j] = 2 * colour[k] / weight - 1;
      }
    }
  }
  if (!patches::is_sharp(form.kernel)) smooth.fill_(1);
  return {picture, smooth};
}

inline PatchPicture patch_truth(const at::Tensor& splats, const patches::Form& form) {
  return patch_loops(splats, form, form.sharing == patches::Sharing::kNeighbours ? 1 : 0);
}

/// Random gradient of a picture, zero where the derivative is not one number.
inline at::Tensor patch_weight(const at::Tensor& smooth) {
  const auto sizes = smooth.sizes();
  return at::randn({sizes[0], 3, sizes[2], sizes[3]}, at::detail::createCPUGenerator(11),
                   at::kDouble) *
         smooth;
}

/// Gradient of (picture * weight).sum().
inline at::Tensor patch_gradient(const at::Tensor& splats, const patches::Form& form,
                                 patches::Mode mode, const at::Tensor& weight) {
  auto leaf = splats.detach().clone().requires_grad_(true);
  const auto picture = patches::render(leaf, form, mode);
  (picture * weight.to(picture.options())).sum().backward();
  return leaf.grad();
}

/// As gradient_errors(), over all splats of the batch.
inline double patch_gradient_error(const at::Tensor& own, const at::Tensor& truth) {
  const std::vector<std::int64_t> flat = {1, -1, patches::kNumbers};
  const auto errors = gradient_errors(own.reshape(flat), truth.reshape(flat));
  return *std::max_element(errors.begin(), errors.end());
}

/// Bounds of float32. The sharp kernels' weights fall by up to e^200 a unit of D, which costs
/// digits of D's last place.
inline double patch_value_bound(const PatchCase& one) {
  return patches::is_sharp(one.form.kernel) ? 1e-5 : 2e-6;
}
inline double patch_gradient_bound(const PatchCase& one) {
  return patches::is_sharp(one.form.kernel) ? 5e-5 : 1e-5;
}

}  // namespace neurosplat::testing
