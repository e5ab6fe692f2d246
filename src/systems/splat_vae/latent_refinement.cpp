#include "systems/splat_vae/latent_refinement.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

namespace neurosplat {
namespace {

constexpr std::int64_t kProbedLatents = 16;
constexpr int kProbes = 8;
constexpr std::uint64_t kProbeSeed = 1;
/// Of the mean curvature: numbers that the decoder does not heed would run away.
constexpr double kLeastCurvature = 0.01;
constexpr double kMomentum = 0.5, kStep = 0.5;

at::Tensor gradient_of(const at::Tensor& sum, const at::Tensor& latents) {
  return torch::autograd::grad({sum}, {latents})[0];
}

at::Tensor picture_of(const SplatVae& model, const at::Tensor& latents) {
  return model.draw(model.decode(latents));
}

}  // namespace

LatentRefinement::LatentRefinement(const SplatVae& model) : model_(model) {
  const at::AutoGradMode gradients(true);
  const auto generator = at::detail::createCPUGenerator(kProbeSeed);
  const auto latent = model.architecture().latent;
  auto squares = at::zeros({latent}, at::TensorOptions().device(model.device()));
  std::int64_t numbers = 1;
  for (int probe = 0; probe < kProbes; ++probe) {
    const auto latents = at::randn({kProbedLatents, latent}, generator, at::kFloat)
                             .to(model.device())
                             .requires_grad_();
    const auto drawn = picture_of(model, latents);
    numbers = drawn[0].numel();
    const auto signs =
        (at::rand(drawn.sizes(), generator, at::kFloat) - 0.5).sign().to(model.device());
    squares += gradient_of((drawn * signs).sum(), latents).square().mean(0);
  }
  const auto measured = squares * (2.0 / (kProbes * static_cast<double>(numbers)));
  curvature_ = measured.clamp_min(kLeastCurvature * measured.mean().item<double>());
}

at::Tensor LatentRefinement::refine(const at::Tensor& pictures, const at::Tensor& start,
                                    std::int64_t steps) const {
  const at::AutoGradMode gradients(true);
  auto latents = start.detach().to(at::kFloat);
  auto best = latents, velocity = at::zeros_like(latents);
  at::Tensor least;
  for (std::int64_t step = 0; step <= steps; ++step) {
    const auto variable = latents.detach().requires_grad_();
    const auto errors = (picture_of(model_, variable) - pictures).square().mean({1, 2, 3});
    const auto now = errors.detach();
    best = step == 0 ? latents : at::where((now < least).unsqueeze(1), latents, best);
    least = step == 0 ? now : at::minimum(now, least);
    if (step == steps) break;
    const auto slope = gradient_of(errors.sum(), variable) / curvature_;
    velocity = kMomentum * velocity - kStep * slope;
    latents = latents + velocity;
  }
  return best;
}

}  // namespace neurosplat
