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
#include "neurosplat/processes/batch_share.h"
#include "neurosplat/processes/process_group.h"
#include "neurosplat/training/saved_state.h"
#include "neurosplat/training/schedule.h"

namespace neurosplat {
namespace {

std::int64_t whole_below(std::int64_t end, const at::Generator& generator) {
  return at::randint(end, {1}, generator, at::kLong).item<std::int64_t>();
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
  const auto grey = processes::uniform_rows({given.size(0)}, noise_) < config_.grey_share;
  return greyed(pictures, grey.to(device_));
}

/// Nats of a picture that are a bit for each of its numbers.
double HierarchicalVaeUpdate::bit() const {
  return static_cast<double>(3 * config_.image_size * config_.image_size) * std::numbers::ln2;
}

/// Mean over pictures of the KL of the first blocks, nats, each channel's at least the free bits.
at::Tensor HierarchicalVaeUpdate::cost_of(const std::vector<at::Tensor>& kl) const {
  auto cost = at::zeros({}, kl.front().options());
  for (std::size_t block = 0; block < kl.size(); ++block) {
    const auto side = model_.levels()[block].side;
    const double free = config_.free_bits * std::numbers::ln2 * static_cast<double>(side * side);
    cost = cost + processes::mean(kl[block].mean(0)).clamp_min(free).sum();
  }
  return cost;
}

HierarchicalVaeUpdate::Part HierarchicalVaeUpdate::whole_part(const at::Tensor& pictures) {
  HierarchicalElbo parts;
  {
    const AutocastScope autocast(amp_, device_);
    parts = model_.elbo(pictures, noise_);
  }
  const auto rec = parts.reconstruction.mean();
  double kl = 0;
  for (const auto& block : parts.kl) kl += block.detach().mean(0).sum().item<double>();
  const double nats = rec.item<double>();
  const auto sum = rec + kl_weight(batches_) * cost_of(parts.kl);
  return {{{"bits", (nats + kl) / bit()}, {"rec", nats / bit()}, {"kl", kl / bit()}},
          sum * (static_cast<double>(pictures.size(0)) / bit())};
}

/// Pictures drawn from the blocks up to a level that is chosen at random.
HierarchicalVaeUpdate::Part HierarchicalVaeUpdate::coarse_part(const at::Tensor& pictures) {
  if (pictures.size(0) == 0) return {{{"coarse", 0.0}}, {}};
  const auto level = whole_below(3, noise_);  // S/16, S/8, S/4
  const auto blocks = model_.blocks_up_to(config_.image_size / (16 >> level));
  CoarsePictures drawn;
  {
    const AutocastScope autocast(amp_, device_);
    drawn = model_.coarse(pictures, blocks, noise_);
  }
  const auto error = (drawn.pictures - pictures).square().mean();
  const auto numbers = static_cast<double>(pictures[0].numel());
  const auto nats = error * (numbers / (2 * config_.coarse_deviation * config_.coarse_deviation));
  const auto sum = nats + kl_weight(batches_) * cost_of(drawn.kl);
  return {{{"coarse", error.item<double>()}},
          sum * (static_cast<double>(pictures.size(0)) / bit())};
}

Figures HierarchicalVaeUpdate::step(const at::Tensor& given, StageClock& clock) {
  const auto pictures = varied(given);
  clock.mark("pictures");
  const auto count = pictures.size(0);
  const auto share = std::llround(config_.coarse_share * static_cast<double>(count));
  const auto coarse_count = std::min<std::int64_t>(share, count - 1);
  auto [terms, loss] = whole_part(pictures.narrow(0, 0, count - coarse_count));
  const auto coarse = coarse_part(pictures.narrow(0, count - coarse_count, coarse_count));
  terms.insert(terms.end(), coarse.terms.begin(), coarse.terms.end());
  if (coarse.sum.defined()) loss = loss + coarse.sum;
  loss = loss / static_cast<double>(count);
  clock.mark("network");
  terms.emplace_back("loss", loss.item<double>());
  if (!std::isfinite(figure(terms, "loss"))) {
    throw Error(text("the loss is not finite (", listed(terms), ")"));
  }
  move(loss, terms, clock);
  return terms;
}

void HierarchicalVaeUpdate::move(const at::Tensor& loss, Figures& terms, StageClock& clock) {
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
