#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cstdint>

namespace neurosplat::testing {

inline at::Tensor noise(at::IntArrayRef sizes, std::uint64_t seed) {
  return at::randn(sizes, at::detail::createCPUGenerator(seed), at::TensorOptions(at::kDouble));
}

/// Ten movies of eight pictures; responses are linear in the latents, with noise of `deviation`.
struct Planted {
  at::Tensor latents, responses, group, latent_group;

  explicit Planted(double deviation, std::uint64_t seed = 1)
      : latents(noise({80, 12}, seed)),
        responses(at::mm(latents, noise({12, 30}, seed + 1)) +
                  deviation * noise({80, 30}, seed + 2)),
        group(at::arange(10, at::kLong).repeat_interleave(8)),
        latent_group(at::arange(12, at::kLong).div(6, "floor")) {}
};

}  // namespace neurosplat::testing
