#include "systems/patch_flow/patch_flow_update.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <string>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/metrics/seam_ratio.h"
#include "neurosplat/processes/batch_share.h"
#include "neurosplat/training/flow_matching.h"
#include "neurosplat/training/saved_state.h"

namespace neurosplat {
namespace {

/// Of the normal whose logistic is the time (JiT).
constexpr double kLogitMean = -0.8, kLogitSpread = 0.8;
constexpr double kLeastForRoot = 0.1, kLeastForV = 0.05;

const PatchFlow& on(const PatchFlow& model, const at::Device& device) {
  model.to(device);
  return model;
}

}  // namespace

at::Tensor signed_of(const at::Tensor& pictures) {
  return 2 * pictures - 1;
}

at::Tensor unit_of(const at::Tensor& pictures) {
  return (pictures / 2 + 0.5).clamp(0, 1);
}

at::Tensor draw_times(const std::string& times, std::int64_t count,
                      const at::Generator& generator) {
  if (times == "uniform") return processes::uniform_rows({count}, generator);
  return (kLogitMean + kLogitSpread * processes::normal_rows({count}, generator)).sigmoid();
}

at::Tensor error_weights(const std::string& weight, const at::Tensor& times) {
  if (weight == "x") return at::ones_like(times);
  if (weight == "root-v") return (1 - times).clamp_min(kLeastForRoot).reciprocal();
  return (1 - times).clamp_min(kLeastForV).square().reciprocal();
}

at::Tensor draw_condition_weights(const PatchFlowArchitecture& sizes, double dropout,
                                  std::int64_t count, const at::Generator& generator) {
  const auto drawn = processes::uniform_rows({4, count}, generator, 1);
  const bool two = sizes.vision_size() > 0 && sizes.semantic_size() > 0;
  const auto kept = [&](std::int64_t size, std::int64_t row) {
    const auto told = size > 0 ? drawn[0] >= dropout : at::zeros({count}, at::kBool);
    return (two ? told & (drawn[row] >= dropout) : told).to(at::kFloat);
  };
  const auto vision = kept(sizes.vision_size(), 1), semantic = kept(sizes.semantic_size(), 2);
  const auto both = vision * semantic;
  return at::stack({vision - both * (1 - drawn[3]), semantic - both * drawn[3]}, 1);
}

PatchFlowUpdate::PatchFlowUpdate(const PatchFlowConfig& config, const at::Device& device,
                                 std::int64_t steps)
    : config_(config),
      device_(device),
      amp_(config.amp_on(device)),
      steps_(steps),
      perceptual_(perceptual_loss(config.perceptual, device)),
      model_(config.architecture(), static_cast<std::uint64_t>(config.seed)),
      averaged_(config.average > 0
                    ? PatchFlow(config.architecture(), static_cast<std::uint64_t>(config.seed))
                    : model_),
      describe_(on(model_, device)),
      noise_(at::detail::createCPUGenerator(static_cast<std::uint64_t>(config.seed) + 2)) {
  averaged_.to(device_);
  optimiser_ = std::make_unique<Optimiser>(model_.state(),
                                           OptimiserOptions{.kind = OptimiserKind::adamw,
                                                            .lr = config.lr,
                                                            .beta2 = config.beta2,
                                                            .weight_decay = config.weight_decay,
                                                            .clip = config.clip,
                                                            .average = config.average});
}

PatchFlowUpdate::~PatchFlowUpdate() = default;

const PatchFlow& PatchFlowUpdate::best_model() const {
  if (config_.average > 0) {
    auto state = optimiser_->averaged();
    state.merge(model_.state());  // what is no weight has no average
    averaged_.load_state(state);
  }
  return averaged_;
}

/// Nothing is drawn for a model without conditions, whose noise stays what it was.
Conditions PatchFlowUpdate::conditions_of(const at::Tensor& pictures) {
  auto conditions = describe_(pictures);
  if (!conditions.none()) {
    conditions.weights = draw_condition_weights(model_.architecture(), config_.condition_dropout,
                                                pictures.size(0), noise_);
  }
  return conditions;
}

Figures PatchFlowUpdate::step(const at::Tensor& pictures, StageClock& clock) {
  const auto clean = signed_of(pictures);
  const auto times = draw_times(config_.times, clean.size(0), noise_).to(device_);
  const auto noise = processes::normal_rows(clean.sizes(), noise_).to(device_);
  const auto noisy = noisy_at(clean, noise, times);
  const auto conditions = conditions_of(pictures);
  at::Tensor predicted;
  {
    const AutocastScope autocast(amp_, device_);
    predicted = model_.predict(noisy, times, conditions);
  }
  clock.mark("network");
  if (!predicted.isfinite().all().item<bool>()) {
    throw Error("the loss is not finite: the network gives numbers that are not");
  }
  const auto drawn = model_.draw(predicted);
  clock.mark("renderer");
  const auto errors = (drawn - clean).square().mean({1, 2, 3});
  auto loss = (error_weights(config_.weight, times) * errors).mean();
  Figures terms = {{"mse", errors.mean().item<double>()}};
  if (!perceptual_.is_none()) {
    const auto term = perceptual_(unit_of(drawn), pictures);
    terms.emplace_back("perceptual", term.item<double>());
    loss = loss + config_.perceptual_weight * term;
  }
  if (config_.seam_weight > 0) {
    const auto term = seam_loss(drawn, clean, config_.patch);
    terms.emplace_back("seams", term.item<double>());
    loss = loss + config_.seam_weight * term;
  }
  terms.emplace_back("loss", loss.item<double>());
  if (!std::isfinite(figure(terms, "loss"))) {
    throw Error(text("the loss is not finite (", listed(terms), ")"));
  }
  // Gradients arrive at these tensors when the part behind them is done.
  drawn.register_hook([&clock](const at::Tensor&) { clock.mark("loss"); });
  predicted.register_hook([&clock](const at::Tensor&) { clock.mark("renderer"); });
  rate_ = config_.lr * learning_rate_share(config_, optimiser_->steps(), steps_);
  optimiser_->set_learning_rate(rate_);
  optimiser_->backward(loss);
  clock.mark("network");
  optimiser_->step_if_due();
  clock.mark("optimiser");
  return terms;
}

void PatchFlowUpdate::save(TensorFile& state) const {
  add_weights(state, model_.state());
  optimiser_->save(state);
  add_noise(state, noise_);
}

void PatchFlowUpdate::load(const TensorFile& state) {
  model_.load_state(weights_in(state));
  optimiser_->load(state);
  load_noise(state, noise_);
}

}  // namespace neurosplat
