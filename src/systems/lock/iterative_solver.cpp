#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <optional>

#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "neurosplat/training/natural_gradient.h"
#include "systems/lock/lock_solvers.h"
#include "systems/lock/lock_time.h"

namespace neurosplat {
namespace {

/// Inference as iterative VAEs make it, a step a frame, where the decoder stands still: a Gaussian
/// over the latent numbers whose posterior of one frame is the prior of the next.
class IterativeSolver : public LockSolver {
 public:
  IterativeSolver(SplatVae model, const LockSolverSettings& settings)
      : model_(std::move(model)), settings_(settings), step_(step_of(settings)) {
    reset();
  }

  LockView follow(const at::Tensor& frame, double budget_ms) override {
    Deadline deadline(budget_ms);
    const auto target = frame.to(model_.device(), at::kFloat).unsqueeze(0);
    const auto guess = begin(target);
    const auto yesterday = *state_;
    deadline.expect_steps_of(0);
    LockView view;
    while (view.steps < settings_.inner_steps && deadline.allows_another_step()) {
      state_ = stepped(yesterday, target);
      ++view.steps;
      deadline.step_done();
    }
    finish(guess, target, view);
    return view;
  }

  void reset() override {
    state_.reset();
    noise_ = at::detail::createCPUGenerator(settings_.noise_seed);
  }

 private:
  /// What the encoder makes of a frame: the prior that is shown.
  struct Guess {
    at::Tensor packets, drawn;  ///< raw [1, N, 11] and [1, 3, S, S]
    double error;
  };

  static GaussianStep step_of(const LockSolverSettings& settings) {
    return {.rate_mean = settings.natural_rate, .rate_log_sigma = settings.natural_rate, .leak = 1};
  }

  /// The state starts from the encoder's posterior where there is none, and where yesterday's draws
  /// the frame no better: a new scene. Else it widens by what a frame may change.
  Guess begin(const at::Tensor& target) {
    const at::NoGradGuard no_gradient;
    const auto mean = prior_latent(model_, target);
    const auto latents = state_ ? at::cat({mean, state_->mean.unsqueeze(0)}) : mean;
    const auto packets = model_.decode(latents);
    const auto drawn = model_.draw(packets);
    const auto errors = (drawn - target).square().mean({1, 2, 3}).to(at::kCPU, at::kDouble);
    const double error = errors[0].item<double>();
    if (state_ && errors[1].item<double>() < error) {
      const auto variance = at::exp(2 * state_->log_sigma) + settings_.drift * settings_.drift;
      state_->log_sigma = 0.5 * at::log(variance);
    } else {
      const auto log_variance = model_.encode(target).log_variance[0].to(at::kFloat);
      state_ = GaussianState{mean[0].to(at::kFloat).clone(), 0.5 * log_variance};
    }
    return {packets.slice(0, 0, 1), drawn.slice(0, 0, 1), error};
  }

  /// [samples, latent] in pairs of opposite sign, so that the slope at the mean, which is large,
  /// drops out of what moves sigma; [1, latent] of zeros where z is the mean.
  at::Tensor noise() {
    const auto latent = model_.architecture().latent, samples = settings_.samples;
    if (samples == 0) return at::zeros({1, latent});
    const auto half = at::randn({(samples + 1) / 2, latent}, noise_, at::kFloat);
    return at::cat({half, -half}).slice(0, 0, samples);
  }

  GaussianState stepped(const GaussianState& yesterday, const at::Tensor& target) {
    const at::AutoGradMode gradients(true);
    const auto noise = this->noise().to(target.device());
    const auto z = (state_->mean + at::exp(state_->log_sigma) * noise).detach().requires_grad_();
    const double variance = settings_.observation_noise * settings_.observation_noise;
    const auto energy = (model_.draw(model_.decode(z)) - target).square().sum() / (2 * variance);
    const auto drive = -torch::autograd::grad({energy}, {z})[0];
    const at::NoGradGuard no_gradient;
    return natural_step(*state_, yesterday, drive, noise, step_);
  }

  /// Draws the posterior's mean, or the guess where that is nearer to the frame.
  void finish(const Guess& guess, const at::Tensor& target, LockView& view) const {
    const at::NoGradGuard no_gradient;
    auto packets = model_.decode(state_->mean.unsqueeze(0));
    auto drawn = model_.draw(packets);
    double error = at::mse_loss(drawn, target).item<double>();
    if (!(error <= guess.error)) {
      packets = guess.packets;
      drawn = guess.drawn;
      error = guess.error;
    }
    view.prior = guess.drawn[0].cpu();
    view.locked = drawn[0].cpu();
    view.psnr_db = psnr_db_of_error(error);
    view.packets = activate_packets(packets)[0].cpu();
  }

  SplatVae model_;
  LockSolverSettings settings_;
  GaussianStep step_;
  at::Generator noise_;
  std::optional<GaussianState> state_;  ///< [latent] each; nothing before the first frame
};

}  // namespace

std::unique_ptr<LockSolver> make_iterative_solver(const SplatVae& model,
                                                  const LockSolverSettings& settings) {
  return std::make_unique<IterativeSolver>(model, settings);
}

}  // namespace neurosplat
