#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <numbers>

#include "neurosplat/training/natural_gradient.h"
#include "systems/iterative_vae/loop/unrolled.h"

namespace neurosplat::ivae {
namespace {

at::Tensor below(const at::Tensor& x, double ceiling) {
  return ceiling - at::softplus(ceiling - at::clamp_min(x, -8.0));
}

class RandomNoise : public Noise {
 public:
  RandomNoise(const at::TensorOptions& options, std::uint64_t seed, std::int64_t part,
              std::int64_t parts)
      : options_(options),
        generator_(at::detail::createCPUGenerator(seed)),
        part_(part),
        parts_(parts) {}

  at::Tensor waits(std::int64_t, at::IntArrayRef sizes) override {
    return here(own(whole(sizes, 1).exponential_(1, generator_), 1));
  }
  at::Tensor normal(std::int64_t, at::IntArrayRef sizes) override {
    return here(own(whole(sizes, 0).normal_(0, 1, generator_), 0));
  }
  at::Tensor counts(std::int64_t, const at::Tensor& rates) override {
    return here(at::poisson(rates.detach().cpu(), generator_));
  }

 private:
  at::Tensor here(const at::Tensor& noise) const { return noise.to(options_.device()); }
  /// Room for the rows of the whole batch, which lie in `dimension`.
  at::Tensor whole(at::IntArrayRef sizes, std::size_t dimension) const {
    auto all = sizes.vec();
    all.at(dimension) *= parts_;
    return at::empty(all, options_.device(at::kCPU));
  }
  at::Tensor own(const at::Tensor& noise, std::int64_t dimension) const {
    return parts_ == 1 ? noise : noise.slice(dimension, part_, noise.size(dimension), parts_);
  }

  at::TensorOptions options_;
  at::Generator generator_;
  std::int64_t part_, parts_;
};

}  // namespace

at::Tensor divergence(const InferenceState& next, const InferenceState& prior, bool exact) {
  const auto away = next[0] - prior[0];
  if (next.size() == 1) {
    return (at::exp(exact ? prior[0] : next[0]) * (1 + at::exp(away) * (away - 1))).sum(1);
  }
  const auto narrower = next[1] - prior[1];
  return (0.5 * ((away * at::exp(-prior[1])).square() + at::exp(2 * narrower) - 1) - narrower)
      .sum(1);
}

Unrolled::Unrolled(const IterativeVae& model, const LoopSettings& settings, Noise& noise)
    : model_(model),
      settings_(settings),
      noise_(noise),
      precision_(model.scale().pow(-2)),
      bias_(model.bias_current()),
      rates_(model.step_sizes()),
      ceilings_(ceilings(model.architecture().poisson(), settings.openness)) {}

Unrolled::Drawn Unrolled::draw(const InferenceState& state, std::int64_t sample,
                               std::int64_t noise_number) const {
  Drawn drawn;
  if (model_.architecture().poisson()) {
    drawn.z = counts(state[0], sample, noise_number);
  } else {
    drawn.noise = noise_.normal(noise_number, state[0].sizes());
    drawn.z = state[0] + at::exp(state[1]) * drawn.noise;
  }
  drawn.activity = model_.activity(drawn.z);
  drawn.expected = model_.decode(drawn.activity);
  return drawn;
}

InferenceState Unrolled::iterate(const at::Tensor& x, const InferenceState& state,
                                 const InferenceState& prior, const Drawn& drawn) const {
  const auto drive = drive_of(drawn, error(x, drawn));
  const double leak = settings_.beta_inner;
  if (model_.architecture().poisson()) {
    const auto change = rates_[0] * (drive - bias_ - leak * (state[0] - prior[0]));
    return {below(state[0] + below(change, ceilings_.change[0]), ceilings_.state[0])};
  }
  const auto descent =
      natural_descent({state[0], state[1]}, {prior[0], prior[1]}, drive, drawn.noise, leak);
  const auto moved = [&](int i, const at::Tensor& change) {
    const auto n = static_cast<std::size_t>(i);
    return soft_clamp(state[n] + soft_clamp(rates_[i] * change, ceilings_.change[n]),
                      ceilings_.state[n]);
  };
  return {moved(0, descent.mean - bias_), moved(1, descent.log_sigma)};
}

at::Tensor Unrolled::nll(const at::Tensor& x, const Drawn& drawn) const {
  return 0.5 * ((x - drawn.expected) * error(x, drawn)).sum(1).mean();
}

at::Tensor Unrolled::kl(const InferenceState& next, const InferenceState& prior) const {
  return divergence(next, prior, settings_.exact_kl).mean();
}

at::Tensor Unrolled::counts(const at::Tensor& log_rate, std::int64_t sample,
                            std::int64_t noise_number) const {
  const auto rate = at::exp(log_rate) + static_cast<double>(kRateFloor);
  if (settings_.counting == Counting::hard) return noise_.counts(noise_number, rate);
  const auto most = settings_.most[static_cast<std::size_t>(sample)];
  const auto waits = noise_.waits(noise_number, {most, log_rate.size(0), log_rate.size(1)});
  const auto x = (1 - at::cumsum(waits / rate, 0)) / settings_.temperature;
  if (settings_.counting == Counting::sigmoid) return at::sigmoid(x).sum(0);
  const auto w = at::clamp(x / 2 + 0.5, 0, 1);
  return (w.square() * (3 - 2 * w)).sum(0);
}

/// a'(z) J' e: the derivative of the activity's decoded picture against the error.
at::Tensor Unrolled::drive_of(const Drawn& drawn, const at::Tensor& error) const {
  const auto& sizes = model_.architecture();
  if (sizes.decoder == "lin" && !sizes.has_gain()) {
    return at::matmul(error, model_.state().at("decoder.weight"));
  }
  // By a graph of its own from z to the picture; the error is a number to it.
  const bool training = drawn.z.requires_grad();
  const c10::AutoGradMode with_gradient(true);
  const auto z = training ? drawn.z : drawn.z.detach().requires_grad_();
  const auto expected = model_.decode(model_.activity(z.view_as(z)));
  return torch::autograd::grad({expected}, {z}, {error}, training, training)[0];
}

std::unique_ptr<Noise> random_noise(const at::TensorOptions& options, std::uint64_t seed,
                                    std::int64_t part, std::int64_t parts) {
  return std::make_unique<RandomNoise>(options, seed, part, parts);
}

LoopResult eager_loop(const IterativeVae& model, const at::Tensor& x, const InferenceState& begin,
                      const LoopSettings& settings, Noise& noise) {
  const Unrolled unrolled(model, settings, noise);
  LoopResult result;
  auto state = begin;
  auto drawn = unrolled.draw(state, 0, 0);
  at::Tensor loss = at::zeros({}, x.options());
  const auto note_largest = [&] {
    if (!model.architecture().poisson()) return;
    result.largest_log_rate.push_back(state[0].detach().max().item<float>());
  };
  note_largest();
  const auto normaliser = (at::log(model.scale()) + 0.5 * std::log(2 * std::numbers::pi)).sum();
  std::int64_t sample = 0;
  for (std::int64_t frame = 0; frame < settings.frames; ++frame) {
    const auto prior = state;
    for (std::int64_t i = 0; i < settings.inner; ++i) {
      if (!settings.shared_samples && sample > 0) {
        drawn = unrolled.draw(state, sample, settings.samples() + sample);
      }
      state = unrolled.iterate(x, state, prior, drawn);
      ++sample;
      drawn = unrolled.draw(state, sample, sample);
      note_largest();
    }
    const auto nll = unrolled.nll(x, drawn) + normaliser, kl = unrolled.kl(state, prior);
    loss = loss + (nll + settings.beta * kl) / static_cast<double>(settings.frames);
    result.nll_by_frame.push_back(nll.item<double>());
    result.kl_by_frame.push_back(kl.item<double>());
  }
  result.loss = loss;
  for (const auto& tensor : state) result.state.push_back(tensor.detach());
  return result;
}

}  // namespace neurosplat::ivae
