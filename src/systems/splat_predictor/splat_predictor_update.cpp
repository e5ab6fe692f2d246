#include "systems/splat_predictor/splat_predictor_update.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/processes/batch_share.h"
#include "neurosplat/training/latent.h"
#include "neurosplat/training/saved_state.h"

namespace neurosplat {
namespace {

const std::string kKoopman = "koopman.weight";

}  // namespace

SplatPredictorUpdate::SplatPredictorUpdate(const SplatPredictorConfig& config,
                                           const at::Device& device)
    : config_(config),
      device_(device),
      amp_(config.amp_on(device)),
      model_(config.architecture(), static_cast<std::uint64_t>(config.seed)),
      koopman_(at::eye(config.latent, at::TensorOptions().dtype(at::kFloat).device(device))
                   .requires_grad_()),
      noise_(at::detail::createCPUGenerator(static_cast<std::uint64_t>(config.seed) + 1)) {
  model_.to(device_);
  optimiser_ = std::make_unique<Optimiser>(trainable(),
                                           OptimiserOptions{.lr = config.lr, .clip = config.clip});
}

std::map<std::string, at::Tensor> SplatPredictorUpdate::trainable() const {
  auto tensors = model_.state();
  tensors[kKoopman] = koopman_;
  return tensors;
}

Figures SplatPredictorUpdate::step(const at::Tensor& now, const at::Tensor& next, double beta) {
  Posterior posterior;
  at::Tensor next_mean;
  {
    const AutocastScope autocast(amp_, device_);
    posterior = model_.encode(now);
    const at::NoGradGuard no_gradient;
    next_mean = model_.encode(next).mean.to(at::kFloat);
  }
  const auto latent = sample(posterior, processes::normal_rows(posterior.mean.sizes(), noise_));
  const auto moved = at::matmul(latent, koopman_.t());
  at::Tensor packets;
  {
    const AutocastScope autocast(amp_, device_);
    packets = model_.decode(at::cat({latent, moved}));
  }
  const auto drawn = model_.draw(packets, config_.render_options());
  const auto count = now.size(0);
  const auto rec = at::mse_loss(drawn.narrow(0, 0, count), now);
  const auto pred = at::mse_loss(drawn.narrow(0, count, count), next);
  const auto lin = at::mse_loss(at::matmul(posterior.mean.to(at::kFloat), koopman_.t()), next_mean);
  const auto kl = kl_divergence(posterior);
  const auto loss = rec + config_.w_pred * pred + config_.w_lin * lin + beta * kl;
  const Figures terms = {{"rec", rec.item<double>()},
                         {"pred", pred.item<double>()},
                         {"lin", lin.item<double>()},
                         {"kl", kl.item<double>()},
                         {"persistence", at::mse_loss(now, next).item<double>()}};
  if (!std::isfinite(loss.item<double>())) {
    throw Error(text("the loss is not finite (", listed(terms), ")"));
  }
  optimiser_->backward_and_step(loss);
  return terms;
}

SplatPredictorUpdate::Foresight SplatPredictorUpdate::foresee(const at::Tensor& now) const {
  const at::NoGradGuard no_gradient;
  model_.train(false);
  const auto mean = model_.encode(now).mean;
  return {model_.draw(model_.decode(mean)),
          model_.draw(model_.decode(at::matmul(mean, koopman_.t())))};
}

void SplatPredictorUpdate::save(TensorFile& state) const {
  add_weights(state, model_.state());
  state.tensors[kKoopman] = koopman_.detach();
  optimiser_->save(state);
  add_noise(state, noise_);
}

void SplatPredictorUpdate::load(const TensorFile& state) {
  const at::NoGradGuard no_gradient;
  model_.load_state(weights_in(state));
  koopman_.copy_(find_in_state(state, kKoopman, koopman_.sizes()));
  optimiser_->load(state);
  load_noise(state, noise_);
}

}  // namespace neurosplat
