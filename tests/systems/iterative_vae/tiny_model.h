#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <cstdint>
#include <string>

#include "neurosplat/systems/iterative_vae/iterative_vae.h"

namespace neurosplat::testing {

/// A model that was not trained but whose decoder shows something.
inline IterativeVae tiny_model(const std::string& latents, const std::string& activation,
                               std::int64_t pixels, std::int64_t count, std::uint64_t seed,
                               double weight = 0.3) {
  const at::NoGradGuard no_gradient;
  IterativeVae model({.model = latents,
                      .activation = activation,
                      .decoder = "lin",
                      .pixels = pixels,
                      .latents = count},
                     seed);
  auto tensors = model.state();
  const auto generator = at::detail::createCPUGenerator(seed);
  tensors["decoder.weight"] = weight * at::randn({pixels, count}, generator, at::kFloat);
  tensors["log_step"] = at::full_like(tensors["log_step"], -2.0);
  if (latents == "poisson") tensors["prior.log_rate"].fill_(-0.5);
  model.load_state(tensors);
  return model;
}

inline at::Tensor random_patches(std::int64_t count, std::int64_t pixels, std::uint64_t seed) {
  return at::randn({count, pixels}, at::detail::createCPUGenerator(seed), at::kFloat);
}

}  // namespace neurosplat::testing
