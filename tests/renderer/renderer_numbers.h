#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "renderer_cases.h"

namespace neurosplat::testing {

/// Raw packets of a case, on the CPU. float32, since every implementation must start from the same
/// numbers.
inline at::Tensor raw_packets(const RendererCase& one, std::uint64_t seed = 7) {
  const auto generator = at::detail::createCPUGenerator(seed);
  auto raw = at::randn({one.batch, one.packets, 5 + 2 * one.channels}, generator, at::kDouble) *
             one.spread;
  raw.select(2, packet::kWidth) += one.width_shift;
  raw.select(2, packet::kFrequency) += one.frequency_shift;
  raw.narrow(2, packet::kX, 2) += one.centre_shift;
  return raw.to(at::kFloat);
}

/// Activated packets of a case, float32. Activated once for all implementations: the bounds are
/// about drawing, not about where a packet is.
inline at::Tensor active_packets(const RendererCase& one) {
  auto active = activate_packets(raw_packets(one));
  if (one.stretch != 1.0) active.narrow(2, packet::kX, 2).sub_(0.5).mul_(one.stretch).add_(0.5);
  return active;
}

/// The formula of docs/neuro-splat.md, "Field and picture", as double loops for one picture.
inline at::Tensor formula(const at::Tensor& active, std::int64_t height, std::int64_t width) {
  const auto numbers = active.to(at::kDouble).contiguous();
  const auto p = numbers.accessor<double, 2>();
  const std::int64_t channels = (numbers.size(1) - 5) / 2;
  auto picture = at::zeros({channels, height, width}, at::kDouble);
  auto out = picture.accessor<double, 3>();
  for (std::int64_t i = 0; i < height; ++i) {
    for (std::int64_t j = 0; j < width; ++j) {
      const double u = static_cast<double>(j) / static_cast<double>(width - 1);
      const double v = static_cast<double>(i) / static_cast<double>(height - 1);
      for (std::int64_t n = 0; n < numbers.size(0); ++n) {
        const double dx = u - p[n][0], dy = v - p[n][1];
        const double envelope = std::exp(-(dx * dx + dy * dy) / (2 * p[n][2] * p[n][2]));
        const double phase = 2 * M_PI * p[n][4] * (dx * std::cos(p[n][3]) + dy * std::sin(p[n][3]));
        for (std::int64_t c = 0; c < channels; ++c) {
          out[c][i][j] +=
              envelope * (p[n][5 + 2 * c] * std::cos(phase) - p[n][6 + 2 * c] * std::sin(phase));
        }
      }
    }
  }
  return picture;
}

/// Largest difference, relative to the field's largest value where that is beyond 1: a float32 sum
/// cannot know its small results better than its large partial sums. Infinite for a NaN.
inline double error_of(const at::Tensor& picture, const at::Tensor& truth) {
  const double largest = truth.abs().max().item<double>();
  const double error = (picture.to(truth.options()) - truth).abs().max().item<double>();
  return std::isnan(error) ? std::numeric_limits<double>::infinity()
                           : error / std::max(largest, 1.0);
}

/// For each number of a packet, the norm of the difference over all packets, relative to the
/// norm of the truth. Infinite for a NaN.
inline std::vector<double> gradient_errors(const at::Tensor& own, const at::Tensor& truth) {
  const auto difference = (own.to(truth.options()) - truth).flatten(0, 1).norm(2, {0});
  const auto relative = (difference / (truth.flatten(0, 1).norm(2, {0}) + 1e-30)).contiguous();
  std::vector<double> errors(relative.data_ptr<double>(),
                             relative.data_ptr<double>() + relative.numel());
  for (double& error : errors) {
    if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
  }
  return errors;
}

}  // namespace neurosplat::testing
