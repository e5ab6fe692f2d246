#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <optional>
#include <string>

#include "neurosplat/training/latent.h"

namespace neurosplat {

/// The Gaussian that latents of the training pictures follow, posterior spread included: nearer to
/// them than N(0, I), which training only pulls towards.
struct LatentPrior {
  at::Tensor mean;    ///< float32 [latent]
  at::Tensor factor;  ///< float32 [latent, latent]; the covariance is factor * factor'
};

/// Of the posteriors of N pictures: the mean of their means, the covariance of their means plus
/// their mean variance. Throws Error for fewer pictures than latent numbers + 1.
LatentPrior fit_latent_prior(const Posterior& posteriors);

/// noise [B, latent] of N(0, I) to latents of the prior.
at::Tensor with_prior(const LatentPrior& prior, const at::Tensor& noise);

/// The inverse: latents [B, latent] to what is N(0, I) for the prior; 0 where it has no spread.
at::Tensor whitened(const LatentPrior& prior, const at::Tensor& latents);

/// Adds `prior.mean` and `prior.factor` to the tensors of a file.
void add_prior(const LatentPrior& prior, std::map<std::string, at::Tensor>& tensors);

/// The tensors `prior.mean` and `prior.factor` of a file; nothing where they are not there.
/// Throws Error when they are not of this many latent numbers or not finite.
std::optional<LatentPrior> prior_of(const std::map<std::string, at::Tensor>& tensors,
                                    std::int64_t latent);

}  // namespace neurosplat
