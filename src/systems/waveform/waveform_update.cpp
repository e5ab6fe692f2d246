#include "systems/waveform/waveform_update.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "neurosplat/core/device.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/processes/batch_share.h"
#include "neurosplat/processes/process_group.h"
#include "neurosplat/training/saved_state.h"

namespace neurosplat {
namespace {

constexpr double kTemperature = 0.07;
constexpr double kLeastPower = 1e-6;

/// Which weights a phase moves, by how their names begin, and what its optimiser is saved as.
struct Moved {
  WaveformPhase phase;
  std::string beginning, saved_as;
};
const std::vector<Moved> kMoved = {{WaveformPhase::kImage, "image_", "image."},
                                   {WaveformPhase::kWaveform, "waveform_", "waveform."},
                                   {WaveformPhase::kJoint, "", "joint."}};

std::map<std::string, at::Tensor> weights_of(const WaveformAutoencoder& model,
                                             const std::string& beginning) {
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, tensor] : model.state()) {
    if (name.starts_with(beginning)) weights.emplace(name, tensor);
  }
  return weights;
}

/// The others are left out of the backward pass too.
void let_move(const WaveformAutoencoder& model, const std::set<std::string>& trained,
              const std::string& beginning) {
  for (auto [name, tensor] : model.state()) {
    if (trained.contains(name)) tensor.requires_grad_(name.starts_with(beginning));
  }
}

void save_under(TensorFile& state, const std::string& prefix, const Optimiser& optimiser) {
  TensorFile own;
  optimiser.save(own);
  for (auto& [name, tensor] : own.tensors) state.tensors.emplace(prefix + name, tensor);
}

void load_under(const TensorFile& state, const std::string& prefix, Optimiser& optimiser) {
  TensorFile own;
  for (const auto& [name, tensor] : state.tensors) {
    if (name.starts_with(prefix)) own.tensors.emplace(name.substr(prefix.size()), tensor);
  }
  optimiser.load(own);
}

/// Of all waveforms of a batch together: the covariance of electrodes at one time.
at::Tensor covariance(const at::Tensor& waveforms) {
  const auto rows = waveforms.transpose(1, 2).flatten(0, 1);
  const auto centred = rows - processes::mean(rows.mean(0));
  return processes::mean(at::mm(centred.t(), centred) / static_cast<double>(rows.size(0)));
}

at::Tensor log_spectrum(const at::Tensor& waveforms) {
  return (processes::mean(at::fft_rfft(waveforms).abs().square().mean(0)) + kLeastPower).log();
}

/// Half of 1 - cosine, and the mean squared difference.
at::Tensor distance(const at::Tensor& one, const at::Tensor& other) {
  return (one - other).square().mean() + 0.5 * (1 - at::cosine_similarity(one, other, 1)).mean();
}

at::Tensor sum_of(const at::Tensor& sum, const at::Tensor& term) {
  return sum.defined() ? sum + term : term;
}

}  // namespace

at::Tensor moments_distance(const at::Tensor& one, const at::Tensor& other) {
  return (processes::mean(one.mean(0)) - processes::mean(other.mean(0))).square().mean() +
         (covariance(one) - covariance(other)).square().mean() +
         (log_spectrum(one) - log_spectrum(other)).square().mean();
}

at::Tensor contrastive_loss(const at::Tensor& one, const at::Tensor& other,
                            const at::Tensor& picture) {
  const auto unit = [](const at::Tensor& rows) {
    return rows / rows.norm(2, 1, true).clamp_min(1e-6);
  };
  const auto count = one.size(0);
  const auto own = at::eye(count, one.options().dtype(at::kBool));
  const auto no_rival = picture.unsqueeze(0).eq(picture.unsqueeze(1)).logical_and(~own);
  const auto alike = (at::mm(unit(one), unit(other).t()) / kTemperature)
                         .masked_fill(no_rival, -std::numeric_limits<float>::infinity());
  const auto right = at::arange(count, picture.options());
  return 0.5 * (at::cross_entropy_loss(alike, right) + at::cross_entropy_loss(alike.t(), right));
}

void WaveformUpdate::Loss::add(const char* name, const at::Tensor& term, double weight) {
  terms.emplace_back(name, term.item<double>());
  sum = sum_of(sum, weight * term);
}

WaveformUpdate::WaveformUpdate(const WaveformConfig& config, const WaveformArchitecture& sizes,
                               const at::Device& device, std::int64_t steps_per_epoch)
    : config_(config),
      device_(device),
      amp_(config.amp_on(device)),
      steps_per_epoch_(steps_per_epoch),
      perceptual_(perceptual_loss(config.perceptual, device)),
      model_(sizes, static_cast<std::uint64_t>(config.seed)),
      noise_(at::detail::createCPUGenerator(static_cast<std::uint64_t>(config.seed) + 2)) {
  model_.to(device_);
  const OptimiserOptions options{.kind = OptimiserKind::adamw,
                                 .lr = config.lr,
                                 .weight_decay = config.weight_decay,
                                 .clip = config.clip,
                                 .accumulate = config.accumulate};
  for (const auto& [phase, beginning, name] : kMoved) {
    optimisers_[phase] = std::make_unique<Optimiser>(weights_of(model_, beginning), options);
  }
  for (const auto& [name, tensor] : model_.state()) {
    if (tensor.requires_grad()) trained_.insert(name);
  }
}

at::Tensor WaveformUpdate::noisy(const at::Tensor& values, double deviation) {
  if (deviation == 0) return values;
  return values + deviation * processes::normal_rows(values.sizes(), noise_).to(device_);
}

at::Tensor WaveformUpdate::picture_loss(const at::Tensor& drawn, const at::Tensor& target) const {
  auto loss = (drawn - target).abs().mean();
  if (config_.ssim_weight > 0) {
    loss = loss + config_.ssim_weight * (1 - ssim(drawn, target).mean().to(at::kFloat));
  }
  if (!perceptual_.is_none()) {
    loss = loss + config_.perceptual_weight * perceptual_(drawn, target);
  }
  return loss;
}

WaveformUpdate::Loss WaveformUpdate::image_loss(const at::Tensor& given) {
  // Mirrored at random: recorded responses play no part here.
  const auto flip =
      config_.flip ? processes::uniform_rows({given.size(0), 1, 1, 1}, noise_).to(device_) < 0.5
                   : at::zeros({1, 1, 1, 1}, given.options()).to(at::kBool);
  const auto pictures = at::where(flip, given.flip(3), given);
  at::Tensor drawn;
  {
    const AutocastScope autocast(amp_, device_);
    const auto code = model_.encode(pictures);
    drawn = model_.decode(noisy(code.latent, config_.latent_noise), code.skips);
  }
  Loss loss;
  loss.add("image", picture_loss(drawn, pictures), 1);
  for (const char* name : {"align", "synthetic", "real", "wave", "moments", "contrast"}) {
    loss.terms.emplace_back(name, 0.0);
  }
  return loss;
}

WaveformUpdate::Loss WaveformUpdate::waveform_loss(const at::Tensor& pictures,
                                                   const at::Tensor& recorded,
                                                   const at::Tensor& number, WaveformPhase phase) {
  ImageCode code;
  at::Tensor synthetic, from_synthetic, from_real, drawn, drawn_real, direct;
  {
    const AutocastScope autocast(amp_, device_);
    code = model_.encode(pictures);
    synthetic = model_.waveforms(code.latent);
    from_synthetic = model_.encode_waveforms(noisy(synthetic, config_.waveform_noise));
    // Two showings of a picture are few: without noise of their own they are learned by heart.
    from_real = model_.encode_waveforms(noisy(recorded, config_.waveform_noise));
    drawn = model_.decode(from_synthetic, code.skips);
    drawn_real = model_.decode(from_real, code.skips);
    if (phase == WaveformPhase::kJoint) {
      direct = model_.decode(noisy(code.latent, config_.latent_noise), code.skips);
    }
  }
  Loss loss;
  if (direct.defined()) {
    loss.add("image", picture_loss(direct, pictures), 1);
  } else {
    loss.terms.emplace_back("image", 0.0);
  }
  loss.add("align", distance(from_synthetic, code.latent), config_.align_weight);
  loss.add("synthetic", picture_loss(drawn, pictures), 1);
  loss.add("real", picture_loss(drawn_real, pictures), config_.real_weight);
  loss.add("wave", (synthetic - recorded).square().mean(), config_.wave_weight);
  loss.add("moments", moments_distance(synthetic, recorded), config_.moments_weight);
  loss.add("contrast",
           contrastive_loss(processes::all_rows(from_real), processes::all_rows(code.latent),
                            processes::all_rows(number)),
           config_.contrastive_weight);
  return loss;
}

Figures WaveformUpdate::step(const at::Tensor& pictures, const at::Tensor& recorded,
                             const at::Tensor& number, StageClock& clock) {
  const auto phase = phase_of(config_, batches_ / steps_per_epoch_);
  for (const auto& moved : kMoved) {
    if (moved.phase == phase) let_move(model_, trained_, moved.beginning);
  }
  model_.train(true);
  auto loss = phase == WaveformPhase::kImage ? image_loss(pictures)
                                             : waveform_loss(pictures, recorded, number, phase);
  model_.train(false);
  clock.mark("network");
  loss.terms.emplace_back("loss", loss.sum.item<double>());
  if (!std::isfinite(figure(loss.terms, "loss"))) {
    throw Error(text("the loss is not finite (", listed(loss.terms), ")"));
  }
  rate_ = neurosplat::learning_rate(config_, batches_, steps_per_epoch_);
  optimisers_.at(phase)->set_learning_rate(rate_);
  optimisers_.at(phase)->backward(loss.sum);
  clock.mark("network");
  optimisers_.at(phase)->step_if_due();
  ++batches_;
  clock.mark("optimiser");
  return loss.terms;
}

void WaveformUpdate::save(TensorFile& state) const {
  add_weights(state, model_.state());
  for (const auto& [phase, beginning, name] : kMoved) {
    save_under(state, name, *optimisers_.at(phase));
  }
  state.tensors["batches"] = at::tensor({batches_}, at::kLong);
  add_noise(state, noise_);
}

void WaveformUpdate::load(const TensorFile& state) {
  const auto batches = find_in_state(state, "batches", {1}, at::kLong);
  model_.load_state(weights_in(state));
  for (const auto& [phase, beginning, name] : kMoved) {
    load_under(state, name, *optimisers_.at(phase));
  }
  batches_ = batches.item<std::int64_t>();
  load_noise(state, noise_);
}

}  // namespace neurosplat
