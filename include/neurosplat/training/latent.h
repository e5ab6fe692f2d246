#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

/// Latent numbers of which a network gives a Gaussian: samples of it and what it costs.
namespace neurosplat {

/// The Gaussian that an encoder gives for each picture: both [B, latent].
struct Posterior {
  at::Tensor mean;
  at::Tensor log_variance;
};

/// z = mean + exp(log_variance / 2) * noise, in float32. The noise is drawn on the CPU from
/// `generator`, so that one seed gives one sample on every device.
at::Tensor sample(const Posterior& posterior, const at::Generator& generator);
/// The same with noise [B, latent] that is given.
at::Tensor sample(const Posterior& posterior, const at::Tensor& noise);

/// KL divergence of the posterior from N(0, I): nats, summed over the latent, mean over the batch.
at::Tensor kl_divergence(const Posterior& posterior);

}  // namespace neurosplat
