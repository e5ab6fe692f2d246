#pragma once

#include <ATen/core/Tensor.h>

#include "neurosplat/systems/splat_vae/splat_vae.h"

namespace neurosplat {

/// KL divergence of the posterior from N(0, I): nats, summed over the latent, mean over the batch.
at::Tensor kl_divergence(const Posterior& posterior);

}  // namespace neurosplat
