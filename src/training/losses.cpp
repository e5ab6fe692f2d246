#include "neurosplat/training/losses.h"

#include <ATen/ATen.h>

namespace neurosplat {

at::Tensor kl_divergence(const Posterior& posterior) {
  const auto mean = posterior.mean.to(at::kFloat);
  const auto log_variance = posterior.log_variance.to(at::kFloat);
  const auto nats = 1 + log_variance - mean.square() - log_variance.exp();
  return -0.5 * nats.sum(1).mean();
}

}  // namespace neurosplat
