#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace neurosplat::testing {

/// Smooth colours that drift from frame to frame, float [3, height, width] in [0, 1].
inline at::Tensor drifting_picture(std::int64_t height, std::int64_t width, std::int64_t frame) {
  const auto x = at::linspace(0.0, 1.0, width).view({1, 1, width});
  const auto y = at::linspace(0.0, 1.0, height).view({1, height, 1});
  const auto channel = at::arange(3, at::kFloat).view({3, 1, 1});
  return 0.5 + 0.4 * at::sin(3.0 * x + 2.0 * y + 1.5 * channel + 0.3 * static_cast<double>(frame));
}

}  // namespace neurosplat::testing
