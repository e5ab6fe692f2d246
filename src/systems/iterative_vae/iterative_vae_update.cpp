#include "systems/iterative_vae/iterative_vae_update.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/processes/process_group.h"
#include "neurosplat/training/saved_state.h"
#include "neurosplat/training/schedule.h"
#include "systems/iterative_vae/poisson_quantile.h"

namespace neurosplat {
namespace {

const std::string kDone = "batches.done", kMost = "arrivals.most",
                  kLargest = "arrivals.largest_log_rate";
/// Arrivals at first, those of a rate of 3, and batches between looks at the largest rate.
constexpr std::int32_t kFirstMost = 10;
constexpr std::int64_t kBetweenLooks = 200;
/// Share of pictures whose counts have all their arrivals.
constexpr double kCovered = 0.999;
/// Arrivals that are ever drawn: what runs away is bounded.
constexpr std::int32_t kMostArrivals = 4096;
/// Patches of that many pixels are what the authors' weights are for.
constexpr double kReferencePixels = 256;
constexpr double kWarmUpClip = 3;

bool takes_fused(const IterativeVaeConfig& config, std::int64_t pixels, const at::Device& device) {
  const bool can =
      ivae::can_fuse(config.architecture(pixels)) && config.samples == "shared" && device.is_cpu();
  if (config.loop == "fused" && !can) {
    throw UsageError(text("loop: fused takes a linear decoder, pixels in multiples of 16 (got ",
                          pixels, "), latents in multiples of 32 (got ", config.n_latents,
                          "), the CPU; take eager"));
  }
  return can && config.loop != "eager";
}

OptimiserOptions optimiser_options(const IterativeVaeConfig& config) {
  return {.kind = OptimiserKind::adamax,
          .lr = config.lr,
          .weight_decay = config.weight_decay,
          .clip = config.grad_clip};
}

}  // namespace

IterativeVaeUpdate::IterativeVaeUpdate(const IterativeVaeConfig& config, std::int64_t pixels,
                                       std::int64_t batches, const at::Device& device)
    : config_(config),
      batches_(batches),
      fused_(takes_fused(config, pixels, device)),
      model_(config.architecture(pixels), static_cast<std::uint64_t>(config.seed)) {
  model_.to(device);
  optimiser_ = std::make_unique<Optimiser>(model_.state(), optimiser_options(config));
  const auto samples = static_cast<std::size_t>(settings().samples());
  most_.assign(samples, kFirstMost);
  largest_.assign(samples, -std::numeric_limits<float>::infinity());
}

ivae::LoopSettings IterativeVaeUpdate::settings() const {
  const auto annealed =
      annealed_at(config_, static_cast<double>(done_) / static_cast<double>(batches_));
  ivae::LoopSettings settings;
  settings.frames = config_.t_train;
  settings.inner = config_.n_iters_inner;
  settings.beta = annealed.beta;
  settings.beta_inner = config_.beta_inner;
  settings.exact_kl = config_.kl_form == "exact";
  settings.shared_samples = config_.samples == "shared";
  settings.openness = annealed.openness;
  settings.counting =
      config_.relaxation == "cubic" ? ivae::Counting::cubic : ivae::Counting::sigmoid;
  settings.temperature = annealed.temperature;
  settings.most = most_;
  settings.seed = static_cast<std::uint64_t>(config_.seed);
  settings.part = processes::place().rank;
  settings.parts = processes::count();
  return settings;
}

/// Linear warm-up, then half a cosine, over the whole run.
double IterativeVaeUpdate::learning_rate(double share) const {
  const Schedule schedule{
      .kind = ScheduleKind::cosine,
      .span = std::max<std::int64_t>(batches_, 2),
      .warmup = std::min<std::int64_t>(
          batches_ - 1, std::llround(config_.warmup_portion * static_cast<double>(batches_))),
      .floor = config_.lr_min / config_.lr};
  return config_.lr *
         schedule.factor(static_cast<std::int64_t>(share * static_cast<double>(batches_)));
}

void IterativeVaeUpdate::note_rates(const std::vector<float>& largest_log_rate) {
  if (!largest_log_rate.empty()) {
    const auto everywhere = processes::largest(at::tensor(largest_log_rate));
    const auto* rates = everywhere.const_data_ptr<float>();
    for (std::size_t i = 0; i < largest_log_rate.size(); ++i) {
      largest_[i] = std::max(largest_[i], rates[i]);
    }
  }
  const auto warmup = config_.warmup_portion * static_cast<double>(batches_);
  if (done_ % kBetweenLooks != 0 || static_cast<double>(done_) < warmup) return;
  for (std::size_t i = 0; i < largest_.size(); ++i) {
    if (!std::isfinite(largest_[i])) continue;
    most_[i] = std::min(kMostArrivals, ivae::poisson_quantile(
                                           std::exp(static_cast<double>(largest_[i])), kCovered));
    largest_[i] = -std::numeric_limits<float>::infinity();
  }
}

ivae::LoopResult IterativeVaeUpdate::run_loop(const at::Tensor& x, const InferenceState& state,
                                              const ivae::LoopSettings& settings) const {
  if (fused_) return ivae::fused_loop(model_, x, state, settings);
  auto whole = settings;
  whole.part = 0;
  const auto key = whole.key(0, 0);
  const auto noise =
      ivae::random_noise(x.options(), (static_cast<std::uint64_t>(key.high) << 32) + key.low,
                         settings.part, settings.parts);
  return ivae::eager_loop(model_, x, state, settings, *noise);
}

Figures IterativeVaeUpdate::step(const at::Tensor& x) {
  const double share = static_cast<double>(done_) / static_cast<double>(batches_);
  optimiser_->set_learning_rate(learning_rate(share));
  optimiser_->set_clip(config_.grad_clip * (share < config_.warmup_portion ? kWarmUpClip : 1));
  auto settings = this->settings();
  const double scale = kReferencePixels / static_cast<double>(x.size(1));
  ivae::LoopResult result;
  InferenceState state;
  double nll = 0, kl = 0, first = 0, last = 0, largest = 0, gradient = 0;
  for (std::int64_t outer = 0; outer < config_.n_iters_outer; ++outer) {
    // The learned prior keeps its gradient where inference goes on from numbers alone.
    const auto initial = model_.initial();
    for (std::size_t i = 0; i < initial.size(); ++i) {
      const auto begin = initial[i].expand({x.size(0), -1});
      const auto from = outer == 0 ? begin : begin + (result.state[i] - begin).detach();
      state.size() > i ? void(state[i] = from) : state.push_back(from);
    }
    settings.batch_number = static_cast<std::uint64_t>(done_ * config_.n_iters_outer + outer);
    result = run_loop(x, state, settings);
    const auto loss = result.loss * scale;
    if (!std::isfinite(loss.item<double>())) {
      throw Error(text("the loss is not finite (nelbo ", loss.item<double>(), ")"));
    }
    optimiser_->backward_and_step(loss);
    gradient = std::max(gradient, optimiser_->gradient_norm());
    const auto frames = result.nll_by_frame.size();
    const double each = scale / static_cast<double>(config_.n_iters_outer);
    for (std::size_t t = 0; t < frames; ++t) {
      nll += each * result.nll_by_frame[t] / static_cast<double>(frames);
      kl += each * result.kl_by_frame[t] / static_cast<double>(frames);
    }
    first += each * (result.nll_by_frame.front() + settings.beta * result.kl_by_frame.front());
    last += each * (result.nll_by_frame.back() + settings.beta * result.kl_by_frame.back());
    for (const float rate : result.largest_log_rate) {
      largest = std::max(largest, std::exp(static_cast<double>(rate)));
    }
  }
  ++done_;
  note_rates(result.largest_log_rate);
  const auto arrivals = *std::max_element(most_.begin(), most_.end());
  return {{"nelbo", nll + settings.beta * kl},
          {"nelbo_first", first},
          {"nelbo_last", last},
          {"nll", nll},
          {"kl", kl},
          {"beta", settings.beta},
          {"temperature", settings.temperature},
          {"lr", learning_rate(share)},
          {"largest_rate", largest},
          {"arrivals", static_cast<double>(arrivals)},
          {"gradient", gradient}};
}

void IterativeVaeUpdate::save(TensorFile& state) const {
  add_weights(state, model_.state());
  optimiser_->save(state);
  state.tensors[kDone] = at::full({1}, done_, at::kLong);
  const auto count = static_cast<std::int64_t>(most_.size());
  auto most = at::empty({count}, at::kInt), largest = at::empty({count}, at::kFloat);
  std::copy(most_.begin(), most_.end(), most.mutable_data_ptr<std::int32_t>());
  std::copy(largest_.begin(), largest_.end(), largest.mutable_data_ptr<float>());
  state.tensors[kMost] = most;
  state.tensors[kLargest] = largest;
}

void IterativeVaeUpdate::load(const TensorFile& state) {
  const at::NoGradGuard no_gradient;
  const auto count = static_cast<std::int64_t>(most_.size());
  const auto done = find_in_state(state, kDone, {1}, at::kLong).item<std::int64_t>();
  const auto most = find_in_state(state, kMost, {count}, at::kInt).contiguous();
  const auto largest = find_in_state(state, kLargest, {count}, at::kFloat).contiguous();
  if (done < 0 || most.lt(1).any().item<bool>() || most.gt(kMostArrivals).any().item<bool>()) {
    throw Error("expected counts of batches and arrivals, got others");
  }
  optimiser_->load(state);
  model_.load_state(weights_in(state));
  done_ = done;
  std::copy_n(most.const_data_ptr<std::int32_t>(), count, most_.begin());
  std::copy_n(largest.const_data_ptr<float>(), count, largest_.begin());
}

}  // namespace neurosplat
