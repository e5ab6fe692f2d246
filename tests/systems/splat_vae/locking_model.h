#pragma once

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cstdint>

#include "neurosplat/renderer/packets/packet.h"
#include "neurosplat/systems/splat_vae/splat_vae.h"

namespace neurosplat::testing {

/// A random model with packets as a trained one has them: different from one another, small and
/// slow enough to draw smooth pictures. A fresh decoder's are all nearly zero.
inline SplatVae locking_model(const SplatVaeArchitecture& sizes, std::uint64_t seed = 3) {
  const at::NoGradGuard no_gradient;
  SplatVae model(sizes, seed);
  const auto state = model.state();
  state.at("dec.net.4.weight").mul_(60.0);
  const auto bias = state.at("dec.net.4.bias").view({sizes.packets, packet::numbers(3)});
  bias.select(1, packet::kWidth).fill_(-1.5);
  bias.select(1, packet::kFrequency).fill_(-3.0);
  return model;
}

/// A smooth picture, float [3, size, size] in [0.2, 0.8]; `phase` gives another one.
inline at::Tensor smooth_picture(std::int64_t size, double phase = 0.0) {
  const auto axis = at::linspace(0.0, 1.0, size);
  const auto x = axis.view({1, 1, size}), y = axis.view({1, size, 1});
  const auto channel = at::arange(3, at::kFloat).view({3, 1, 1});
  return 0.5 + 0.3 * at::sin(4.0 * x + channel + phase) * at::cos(3.0 * y - 0.7 * channel);
}

}  // namespace neurosplat::testing
