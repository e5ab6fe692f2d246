#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "neurosplat/systems/iterative_vae/iterative_vae.h"

namespace neurosplat {

/// Pictures float32 [count, pixels] that the model expects: latents from the learned prior, where
/// inference starts, decoded without pixel noise. On the CPU; the model must be there too. Throws
/// UsageError for a count out of 1 to 65,536 or above 2^24 pixels in all.
at::Tensor prior_samples(const IterativeVae& model, std::int64_t count, std::uint64_t seed);

}  // namespace neurosplat
