#include "training/splat_vae_learner.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/models/device.h"
#include "training/fused_adam.h"

namespace neurosplat {
namespace {

const std::string kModel = "model.", kFirst = "adam.first.", kSecond = "adam.second.",
                  kSteps = "adam.steps", kNoise = "random.noise";

/// KL divergence of the posterior from N(0, I): nats, summed over the latent, mean over the batch.
at::Tensor kl_divergence(const Posterior& posterior) {
  const auto mean = posterior.mean.to(at::kFloat);
  const auto log_variance = posterior.log_variance.to(at::kFloat);
  const auto nats = 1 + log_variance - mean.square() - log_variance.exp();
  return -0.5 * nats.sum(1).mean();
}

const at::Tensor& find(const TensorFile& state, const std::string& name, at::IntArrayRef sizes) {
  const auto found = state.tensors.find(name);
  if (found == state.tensors.end()) {
    throw Error(text("training state: expected a tensor '", name, "', found none"));
  }
  if (found->second.sizes() != sizes) {
    throw Error(text("training state: expected '", name, "' of shape ", sizes, ", got ",
                     found->second.sizes()));
  }
  return found->second;
}

}  // namespace

/// Adam over the model's named parameters.
struct SplatVaeLearner::Optimiser {
  explicit Optimiser(const SplatVae& model, double rate) : adam(trainable(model), rate) {}

  std::vector<at::Tensor> trainable(const SplatVae& model) {
    std::vector<at::Tensor> parameters;
    for (const auto& [name, tensor] : model.state()) {
      if (!tensor.requires_grad()) continue;
      names.push_back(name);
      parameters.push_back(tensor);
    }
    return parameters;
  }

  std::vector<std::string> names;
  FusedAdam adam;
};

SplatVaeLearner::SplatVaeLearner(const SplatVaeConfig& config, const at::Device& device)
    : config_(config),
      device_(device),
      amp_(config.amp == "on" || (config.amp == "auto" && !device.is_cpu())),
      model_(architecture_of(config), static_cast<std::uint64_t>(config.seed)),
      noise_(at::detail::createCPUGenerator(static_cast<std::uint64_t>(config.seed) + 1)) {
  model_.to(device_);
  optimiser_ = std::make_unique<Optimiser>(model_, config.lr);
}

SplatVaeLearner::~SplatVaeLearner() = default;

void SplatVaeLearner::set_learning_rate(double rate) {
  optimiser_->adam.set_learning_rate(rate);
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
  optimiser_->adam.forget_gradients();
  loss.backward();
  clock.mark(Stage::encoder);
  const double norm = optimiser_->adam.step(config_.clip);
  if (!std::isfinite(norm)) throw Error("the gradient is not finite");
  clock.mark(Stage::optimiser);
  return result;
}

TensorFile SplatVaeLearner::state() const {
  TensorFile file;
  for (const auto& [name, tensor] : model_.state()) file.tensors[kModel + name] = tensor.detach();
  const auto& adam = optimiser_->adam;
  for (std::size_t i = 0; adam.steps() > 0 && i < optimiser_->names.size(); ++i) {
    file.tensors[kFirst + optimiser_->names[i]] = adam.first_moments()[i];
    file.tensors[kSecond + optimiser_->names[i]] = adam.second_moments()[i];
  }
  file.tensors[kSteps] = at::full({1}, adam.steps(), at::kLong);
  file.tensors[kNoise] = noise_.get_state();
  return file;
}

void SplatVaeLearner::load_state(const TensorFile& state) {
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, tensor] : state.tensors) {
    if (name.starts_with(kModel)) weights[name.substr(kModel.size())] = tensor;
  }
  model_.load_state(weights);
  const auto steps = find(state, kSteps, {1}).item<std::int64_t>();
  auto& adam = optimiser_->adam;
  std::vector<at::Tensor> first, second;
  for (std::size_t i = 0; steps > 0 && i < optimiser_->names.size(); ++i) {
    const auto sizes = adam.parameters()[i].sizes();
    first.push_back(find(state, kFirst + optimiser_->names[i], sizes));
    second.push_back(find(state, kSecond + optimiser_->names[i], sizes));
  }
  if (steps > 0) adam.restore(steps, first, second);
  const auto fresh = noise_.get_state();
  noise_.set_state(find(state, kNoise, fresh.sizes()));
}

}  // namespace neurosplat
