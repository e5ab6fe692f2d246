#include "systems/splat_vae/splat_vae_update.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <string>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/processes/batch_share.h"
#include "neurosplat/training/latent.h"
#include "neurosplat/training/saved_state.h"
#include "neurosplat/training/schedule.h"
#include "systems/splat_vae/augmentation.h"

namespace neurosplat {
namespace {

/// Added to a picture's squared error, so that the slope of its logarithm stays bounded.
constexpr double kSmallestError = 1e-6;

}  // namespace

SplatVaeUpdate::SplatVaeUpdate(const SplatVaeConfig& config, const at::Device& device)
    : config_(config),
      device_(device),
      amp_(config.amp_on(device)),
      model_(config.architecture(), static_cast<std::uint64_t>(config.seed)),
      averaged_(config.average > 0
                    ? SplatVae(config.architecture(), static_cast<std::uint64_t>(config.seed))
                    : model_),
      noise_(at::detail::createCPUGenerator(static_cast<std::uint64_t>(config.seed) + 1)) {
  model_.to(device_);
  averaged_.to(device_);
  optimiser_ = std::make_unique<Optimiser>(
      model_.state(), OptimiserOptions{.kind = optimiser_from_name(config.optimiser),
                                       .lr = config.lr,
                                       .weight_decay = config.weight_decay,
                                       .clip = config.clip,
                                       .average = config.average});
}

SplatVaeUpdate::~SplatVaeUpdate() = default;

void SplatVaeUpdate::set_learning_rate(double rate) {
  rate_ = rate;
}

const SplatVae& SplatVaeUpdate::best_model() const {
  if (config_.average == 0) return model_;
  auto state = model_.state();
  for (const auto& [name, weights] : optimiser_->averaged()) state[name] = weights;
  averaged_.load_state(state);
  return averaged_;
}

at::Tensor mean_psnr_db(const at::Tensor& drawn, const at::Tensor& pictures) {
  const auto errors = (drawn - pictures).square().mean({1, 2, 3});
  return -10 * (errors + kSmallestError).log10().mean();
}

Figures SplatVaeUpdate::step(const at::Tensor& given, double beta, StageClock& clock) {
  const auto pictures = config_.augment ? augmented(given, noise_) : given;
  if (config_.augment) clock.mark("augmentation");
  Posterior posterior;
  {
    const AutocastScope autocast(amp_, device_);
    posterior = model_.encode(pictures);
  }
  const auto latents = sample(posterior, processes::normal_rows(posterior.mean.sizes(), noise_));
  clock.mark("encoder");
  at::Tensor packets;
  {
    const AutocastScope autocast(amp_, device_);
    packets = model_.decode(latents);
  }
  clock.mark("decoder");
  const auto drawn = model_.draw(packets, config_.render_options());
  clock.mark("renderer");
  const auto rec = at::mse_loss(drawn, pictures), kl = kl_divergence(posterior);
  const auto fidelity = config_.loss == "psnr" ? -mean_psnr_db(drawn, pictures) : rec;
  const auto loss = fidelity + beta * kl;
  const Figures terms = {{"rec", rec.item<double>()}, {"kl", kl.item<double>()}};
  if (!std::isfinite(loss.item<double>())) {
    throw Error(text("the loss is not finite (", listed(terms), ")"));
  }
  // Gradients arrive at these tensors when the part behind them is done.
  drawn.register_hook([&clock](const at::Tensor&) { clock.mark("loss"); });
  packets.register_hook([&clock](const at::Tensor&) { clock.mark("renderer"); });
  latents.register_hook([&clock](const at::Tensor&) { clock.mark("decoder"); });
  optimiser_->set_learning_rate(rate_ *
                                Schedule{.warmup = config_.lr_warmup}.factor(optimiser_->steps()));
  optimiser_->backward(loss);
  clock.mark("encoder");
  optimiser_->step_if_due();
  clock.mark("optimiser");
  return terms;
}

void SplatVaeUpdate::save(TensorFile& state) const {
  add_weights(state, model_.state());
  optimiser_->save(state);
  add_noise(state, noise_);
}

void SplatVaeUpdate::load(const TensorFile& state) {
  model_.load_state(weights_in(state));
  optimiser_->load(state);
  load_noise(state, noise_);
}

}  // namespace neurosplat
