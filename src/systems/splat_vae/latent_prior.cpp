#include "neurosplat/systems/splat_vae/latent_prior.h"

#include <ATen/ATen.h>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

const std::string kMean = "prior.mean", kFactor = "prior.factor";

}  // namespace

LatentPrior fit_latent_prior(const Posterior& posteriors) {
  const auto count = posteriors.mean.size(0), latent = posteriors.mean.size(1);
  if (count <= latent) {
    throw Error(text("expected at least ", latent + 1, " pictures to fit a prior of ", latent,
                     " latent numbers to, got ", count, ": give more"));
  }
  const auto means = posteriors.mean.to(at::kDouble);
  const auto mean = means.mean(0);
  const auto centred = means - mean;
  auto covariance = at::matmul(centred.t(), centred) / static_cast<double>(count - 1);
  covariance.diagonal().add_(posteriors.log_variance.to(at::kDouble).exp().mean(0));
  const auto [variances, vectors] = at::linalg_eigh(covariance);
  return {mean.to(at::kFloat), (vectors * variances.clamp_min(0).sqrt()).to(at::kFloat)};
}

at::Tensor with_prior(const LatentPrior& prior, const at::Tensor& noise) {
  return prior.mean + at::matmul(noise, prior.factor.t());
}

at::Tensor whitened(const LatentPrior& prior, const at::Tensor& latents) {
  // The factor's columns are orthogonal, each as long as its direction's standard deviation.
  const auto variances = prior.factor.square().sum(0);
  const auto along = at::matmul(latents - prior.mean, prior.factor);
  return at::where(variances > 0, along / variances, at::zeros_like(along));
}

void add_prior(const LatentPrior& prior, std::map<std::string, at::Tensor>& tensors) {
  tensors[kMean] = prior.mean;
  tensors[kFactor] = prior.factor;
}

std::optional<LatentPrior> prior_of(const std::map<std::string, at::Tensor>& tensors,
                                    std::int64_t latent) {
  const auto mean = tensors.find(kMean), factor = tensors.find(kFactor);
  if (mean == tensors.end() || factor == tensors.end()) return {};
  const bool fits = mean->second.sizes() == at::IntArrayRef({latent}) &&
                    factor->second.sizes() == at::IntArrayRef({latent, latent});
  if (!fits || !mean->second.isfinite().all().item<bool>() ||
      !factor->second.isfinite().all().item<bool>()) {
    throw Error(text("expected a finite prior of ", latent, " latent numbers, got prior.mean ",
                     mean->second.sizes(), " and prior.factor ", factor->second.sizes()));
  }
  return LatentPrior{mean->second.to(at::kFloat), factor->second.to(at::kFloat)};
}

}  // namespace neurosplat
