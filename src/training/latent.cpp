#include "neurosplat/training/latent.h"

#include <ATen/ATen.h>

namespace neurosplat {

at::Tensor sample(const Posterior& posterior, const at::Generator& generator) {
  return sample(posterior, at::randn(posterior.mean.sizes(), generator, at::kFloat));
}

at::Tensor sample(const Posterior& posterior, const at::Tensor& noise) {
  const auto mean = posterior.mean.to(at::kFloat);
  return mean + noise.to(mean.device()) * at::exp(0.5 * posterior.log_variance.to(at::kFloat));
}

at::Tensor kl_divergence(const Posterior& posterior) {
  const auto mean = posterior.mean.to(at::kFloat);
  const auto log_variance = posterior.log_variance.to(at::kFloat);
  const auto nats = 1 + log_variance - mean.square() - log_variance.exp();
  return -0.5 * nats.sum(1).mean();
}

}  // namespace neurosplat
