#include "systems/splat_vae/splat_vae_learner.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <string>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/training/latent.h"

namespace neurosplat {
namespace {

const std::string kModel = "model.", kNoise = "random.noise";

}  // namespace

SplatVaeLearner::SplatVaeLearner(const SplatVaeConfig& config, const at::Device& device)
    : config_(config),
      device_(device),
      amp_(config.amp == "on" || (config.amp == "auto" && !device.is_cpu())),
      model_(architecture_of(config), static_cast<std::uint64_t>(config.seed)),
      noise_(at::detail::createCPUGenerator(static_cast<std::uint64_t>(config.seed) + 1)) {
  model_.to(device_);
  optimiser_ = std::make_unique<NamedAdam>(model_.state(), config.lr);
}

SplatVaeLearner::~SplatVaeLearner() = default;

void SplatVaeLearner::set_learning_rate(double rate) {
  optimiser_->set_learning_rate(rate);
}

StepLoss SplatVaeLearner::step(const at::Tensor& pictures, double beta, StageClock& clock) {
  Posterior posterior;
  {
    const AutocastScope autocast(amp_, device_);
    posterior = model_.encode(pictures);
  }
  const auto latents = sample(posterior, noise_);
  clock.mark(Stage::encoder);
  at::Tensor packets;
  {
    const AutocastScope autocast(amp_, device_);
    packets = model_.decode(latents);
  }
  clock.mark(Stage::decoder);
  const auto drawn = model_.draw(
      packets, {.renderer = renderer_from_name(config_.renderer), .chunk = config_.chunk});
  clock.mark(Stage::renderer);
  const auto rec = at::mse_loss(drawn, pictures), kl = kl_divergence(posterior);
  const auto loss = rec + beta * kl;
  const StepLoss result{rec.item<double>(), kl.item<double>()};
  if (!std::isfinite(loss.item<double>())) {
    throw Error(text("the loss is not finite (rec ", result.rec, ", KL ", result.kl, " nats)"));
  }
  // Gradients arrive at these tensors when the part behind them is done.
  drawn.register_hook([&clock](const at::Tensor&) { clock.mark(Stage::loss); });
  packets.register_hook([&clock](const at::Tensor&) { clock.mark(Stage::renderer); });
  latents.register_hook([&clock](const at::Tensor&) { clock.mark(Stage::decoder); });
  optimiser_->zero_grad();
  loss.backward();
  clock.mark(Stage::encoder);
  optimiser_->clip_and_step(config_.clip);
  clock.mark(Stage::optimiser);
  return result;
}

TensorFile SplatVaeLearner::state() const {
  TensorFile file;
  for (const auto& [name, tensor] : model_.state()) file.tensors[kModel + name] = tensor.detach();
  optimiser_->save(file);
  file.tensors[kNoise] = noise_.get_state();
  return file;
}

void SplatVaeLearner::load_state(const TensorFile& state) {
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, tensor] : state.tensors) {
    if (name.starts_with(kModel)) weights[name.substr(kModel.size())] = tensor;
  }
  model_.load_state(weights);
  optimiser_->load(state);
  const auto fresh = noise_.get_state();
  noise_.set_state(find_in_state(state, kNoise, fresh.sizes()));
}

}  // namespace neurosplat
