#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numbers>
#include <string>
#include <vector>

#include "neurosplat/systems/iterative_vae/gabor_fit.h"
#include "neurosplat/systems/iterative_vae/iterative_vae.h"

namespace neurosplat::testing {

/// A Gabor whose stripes lie at `degrees`, in the middle of a patch of 16 pixels, with a bright
/// middle as wide as the bars of the experiment.
inline Gabor striped_at(double degrees) {
  const double across = std::fmod(degrees + 90.0, 180.0) / 180.0 * std::numbers::pi;
  return {.x = 7.5,
          .y = 7.5,
          .across = 2.2,
          .along = 3.0,
          .orientation = across,
          .frequency = 0.15,
          .phase = 0.0,
          .amplitude = 0.5};
}

/// Float32 [side^2, gabors].
inline at::Tensor columns_of(const std::vector<Gabor>& gabors, std::int64_t side = 16) {
  auto columns = at::empty({side * side, static_cast<std::int64_t>(gabors.size())}, at::kFloat);
  for (std::size_t k = 0; k < gabors.size(); ++k) {
    for (std::int64_t pixel = 0; pixel < side * side; ++pixel) {
      columns[pixel][static_cast<std::int64_t>(k)] =
          gabors[k].value(static_cast<double>(pixel % side), static_cast<double>(pixel / side));
    }
  }
  return columns;
}

/// A Poisson model with this dictionary, weak spontaneous activity and unit pixel noise; `others`
/// replace further tensors.
inline IterativeVae planted(const at::Tensor& columns,
                            const std::map<std::string, at::Tensor>& others = {}) {
  const auto latents = columns.size(1);
  const IterativeVae model({.pixels = columns.size(0), .latents = latents});
  auto state = model.state();
  state["decoder.weight"] = columns;
  state["prior.log_rate"] = at::full({latents}, -2.0, at::kFloat);
  state["log_bias"] = at::full({latents}, -3.0, at::kFloat);
  for (const auto& [name, tensor] : others) state[name] = tensor;
  model.load_state(state);
  return model;
}

}  // namespace neurosplat::testing
