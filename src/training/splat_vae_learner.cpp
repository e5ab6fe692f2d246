#include "training/splat_vae_learner.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adam.h>

#include <cmath>
#include <string>
#include <vector>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/models/device.h"

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

/// torch's Adam over the model's named parameters.
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

  std::vector<at::Tensor>& parameters() { return adam.param_groups()[0].params(); }

  torch::optim::AdamParamState* moments(const at::Tensor& parameter) {
    const auto found = adam.state().find(parameter.unsafeGetTensorImpl());
    if (found == adam.state().end()) return nullptr;
    return static_cast<torch::optim::AdamParamState*>(found->second.get());
  }

  std::vector<std::string> names;
  torch::optim::Adam adam;
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
  optimiser_->adam.param_groups()[0].options().set_lr(rate);
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
  optimiser_->adam.zero_grad();
  loss.backward();
  clock.mark(Stage::encoder);
  const double norm = torch::nn::utils::clip_grad_norm_(optimiser_->parameters(), config_.clip);
  if (!std::isfinite(norm)) throw Error("the gradient is not finite");
  optimiser_->adam.step();
  clock.mark(Stage::optimiser);
  return result;
}

TensorFile SplatVaeLearner::state() const {
  TensorFile file;
  for (const auto& [name, tensor] : model_.state()) file.tensors[kModel + name] = tensor.detach();
  std::int64_t steps = 0;
  for (std::size_t i = 0; i < optimiser_->names.size(); ++i) {
    const auto* moments = optimiser_->moments(optimiser_->parameters()[i]);
    if (moments == nullptr) continue;  // no step was made yet
    file.tensors[kFirst + optimiser_->names[i]] = moments->exp_avg();
    file.tensors[kSecond + optimiser_->names[i]] = moments->exp_avg_sq();
    steps = moments->step();
  }
  file.tensors[kSteps] = at::full({1}, steps, at::kLong);
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
  for (std::size_t i = 0; steps > 0 && i < optimiser_->names.size(); ++i) {
    const auto& parameter = optimiser_->parameters()[i];
    const auto take = [&](const std::string& prefix) {
      return find(state, prefix + optimiser_->names[i], parameter.sizes()).to(device_);
    };
    auto moments = std::make_unique<torch::optim::AdamParamState>();
    moments->step(steps);
    moments->exp_avg(take(kFirst));
    moments->exp_avg_sq(take(kSecond));
    optimiser_->adam.state()[parameter.unsafeGetTensorImpl()] = std::move(moments);
  }
  const auto fresh = noise_.get_state();
  noise_.set_state(find(state, kNoise, fresh.sizes()));
}

}  // namespace neurosplat
