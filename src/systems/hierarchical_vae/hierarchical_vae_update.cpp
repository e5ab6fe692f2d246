#include "systems/hierarchical_vae/hierarchical_vae_update.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/training/saved_state.h"
#include "neurosplat/training/schedule.h"

namespace neurosplat {
namespace {

std::int64_t whole_below(std::int64_t end, const at::Generator& generator) {
  return at::randint(end, {1}, generator, at::kLong).item<std::int64_t>();
}

double in_bits(const at::Tensor& nats, double numbers) {
  return nats.item<double>() / (numbers * std::numbers::ln2);
}

}  // namespace

at::Tensor greyed(const at::Tensor& pictures, const at::Tensor& grey) {
  const auto luma = at::tensor({0.299, 0.587, 0.114}, pictures.options()).view({1, 3, 1, 1});
  return at::where(grey.view({-1, 1, 1, 1}), (luma * pictures).sum(1, true), pictures);
}

HierarchicalVaeUpdate::HierarchicalVaeUpdate(const HierarchicalVaeConfig& config,
                                             const at::Device& device, std::int64_t steps_per_epoch)
    : config_(config),
      device_(device),
      amp_(config.amp_on(device)),
      steps_per_epoch_(steps_per_epoch),
      model_(config.architecture(), static_cast<std::uint64_t>(config.seed)),
      averaged_(config.average > 0 ? HierarchicalVae(config.architecture()) : model_),
      noise_(at::detail::createCPUGenerator(static_cast<std::uint64_t>(config.seed) + 2)) {
  model_.to(device_);
  averaged_.to(device_);
  optimiser_ = std::make_unique<Optimiser>(model_.state(),
                                           OptimiserOptions{.kind = OptimiserKind::adamw,
                                                            .lr = config.lr,
                                                            .beta2 = config.beta2,
                                                            .weight_decay = config.weight_decay,
                                                            .clip = config.clip,
                                                            .skip = config.skip,
                                                            .average = config.average});
}

HierarchicalVaeUpdate::~HierarchicalVaeUpdate() = default;

const HierarchicalVae& HierarchicalVaeUpdate::best_model() const {
  if (config_.average > 0) averaged_.load_state(optimiser_->averaged());
  return averaged_;
}

double HierarchicalVaeUpdate::kl_weight(std::int64_t step) const {
  const double span = config_.kl_warmup * static_cast<double>(steps_per_epoch_);
  return std::min(1.0, static_cast<double>(step + 1) / std::max(span, 1.0));
}

/// A square of the pictures, the same for the whole batch, some of them in grey.
at::Tensor HierarchicalVaeUpdate::varied(const at::Tensor& given) const {
  const auto side = config_.image_size, spare = given.size(2) - side;
  auto pictures = given;
  if (spare > 0) {
    const auto taken = side + whole_below(spare + 1, noise_), room = given.size(2) - taken;
    const auto top = whole_below(room + 1, noise_), left = whole_below(room + 1, noise_);
    pictures = given.narrow(2, top, taken).narrow(3, left, taken);
    if (taken > side) {
      pictures = at::_upsample_bilinear2d_aa(pictures, {side, side}, /*align_corners=*/false);
    }
  }
  if (config_.grey_share == 0) return pictures;
  const auto grey = at::rand({given.size(0)}, noise_, at::kFloat) < config_.grey_share;
  return greyed(pictures, grey.to(device_));
}

/// Mean over the batch of a block's KL [B, channels], each channel's at least the free bits'.
at::Tensor HierarchicalVaeUpdate::costly(const at::Tensor& kl, std::int64_t places) const {
  const double free = config_.free_bits * std::numbers::ln2 * static_cast<double>(places);
  return kl.mean(0).clamp_min(free).sum();
}

Figures HierarchicalVaeUpdate::step(const at::Tensor& given, StageClock& clock) {
  const auto pictures = varied(given);
  clock.mark("pictures");
  HierarchicalElbo parts;
  {
    const AutocastScope autocast(amp_, device_);
    parts = model_.elbo(pictures, noise_);
  }
  const auto rec = parts.reconstruction.mean();
  auto kl = at::zeros_like(rec), cost = kl;
  for (std::size_t block = 0; block < parts.kl.size(); ++block) {
    const auto side = model_.levels()[block].side;
    kl = kl + parts.kl[block].detach().mean(0).sum();
    cost = cost + costly(parts.kl[block], side * side);
  }
  const auto numbers = static_cast<double>(3 * config_.image_size * config_.image_size);
  const auto loss = (rec + kl_weight(batches_) * cost) / (numbers * std::numbers::ln2);
  clock.mark("network");
  Figures terms = {{"bits", in_bits(rec.detach() + kl, numbers)},
                   {"rec", in_bits(rec, numbers)},
                   {"kl", in_bits(kl, numbers)},
                   {"loss", loss.item<double>()}};
  if (!std::isfinite(figure(terms, "loss"))) {
    throw Error(text("the loss is not finite (", listed(terms), ")"));
  }
  const Schedule schedule{
      .kind = ScheduleKind::cosine,
      .span = std::max(config_.schedule_epochs * steps_per_epoch_, config_.lr_warmup + 1),
      .warmup = config_.lr_warmup,
      .floor = config_.lr_floor};
  rate_ = config_.lr * schedule.factor(batches_);
  optimiser_->set_learning_rate(rate_);
  optimiser_->backward(loss);
  clock.mark("network");
  const bool stepped = optimiser_->step_if_due();
  ++batches_;
  terms.emplace_back("gradient", optimiser_->gradient_norm());
  terms.emplace_back("skipped", stepped ? 0 : 1);
  clock.mark("optimiser");
  return terms;
}

void HierarchicalVaeUpdate::save(TensorFile& state) const {
  add_weights(state, model_.state());
  optimiser_->save(state);
  state.tensors["batches"] = at::tensor({batches_}, at::kLong);
  add_noise(state, noise_);
}

void HierarchicalVaeUpdate::load(const TensorFile& state) {
  const auto batches = find_in_state(state, "batches", {1}, at::kLong);
  model_.load_state(weights_in(state));
  optimiser_->load(state);
  batches_ = batches.item<std::int64_t>();
  load_noise(state, noise_);
}

}  // namespace neurosplat
