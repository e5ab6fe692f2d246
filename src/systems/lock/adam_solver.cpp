#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <functional>

#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "systems/lock/lock_solvers.h"
#include "systems/lock/lock_time.h"

namespace neurosplat {
namespace {

/// One row of Adam on a single tensor, betas .9 and .999 as torch's default.
class TensorAdam {
 public:
  TensorAdam(at::Tensor value, double rate) : value_(std::move(value)), rate_(rate) {
    first_ = at::zeros_like(value_);
    second_ = at::zeros_like(value_);
  }

  void step(const at::Tensor& gradient) {
    constexpr double kFirst = 0.9, kSecond = 0.999, kEpsilon = 1e-8;
    const at::NoGradGuard no_gradient;
    ++steps_;
    const auto step = at::full({}, static_cast<double>(steps_), at::kFloat);
    at::_fused_adam_({value_}, {gradient}, {first_}, {second_}, {}, {step}, rate_, kFirst, kSecond,
                     0, kEpsilon, false, false);
  }

 private:
  at::Tensor value_, first_, second_;
  double rate_;
  std::int64_t steps_ = 0;
};

/// Gradient descent from what the model says of each frame: on the packets themselves, or on the
/// latent numbers that the decoder makes them from.
class DescentSolver : public LockSolver {
 public:
  DescentSolver(SplatVae model, std::int64_t most_steps, double rate, bool on_latents)
      : model_(std::move(model)), most_steps_(most_steps), rate_(rate), on_latents_(on_latents) {}

  LockView follow(const at::Tensor& frame, double budget_ms) override {
    Deadline deadline(budget_ms);
    const auto target = frame.to(model_.device(), at::kFloat).unsqueeze(0);
    auto state = start(target);
    TensorAdam adam(state, rate_);
    const at::AutoGradMode gradient(true);
    state.requires_grad_();
    LockView view;
    while (view.steps < most_steps_ && deadline.allows_another_step()) {
      const auto drawn = model_.draw(packets_of(state));
      if (view.steps == 0) view.prior = drawn.detach()[0].cpu();
      const auto error = at::mse_loss(drawn, target);
      state.mutable_grad() = at::Tensor();
      error.backward();
      adam.step(state.grad());
      ++view.steps;
      deadline.step_done();
    }
    finish(state.detach(), target, view);
    return view;
  }

  void reset() override {}

 private:
  at::Tensor start(const at::Tensor& target) const {
    const at::NoGradGuard no_gradient;
    const auto mean = model_.latents_of(target);
    return (on_latents_ ? mean : model_.decode(mean)).clone();
  }

  at::Tensor packets_of(const at::Tensor& state) const {
    return on_latents_ ? model_.decode(state) : state;
  }

  void finish(const at::Tensor& state, const at::Tensor& target, LockView& view) const {
    const at::NoGradGuard no_gradient;
    const auto packets = packets_of(state);
    const auto drawn = model_.draw(packets);
    view.psnr_db = psnr_db_of_error(at::mse_loss(drawn, target).item<double>());
    view.locked = drawn[0].cpu();
    if (!view.prior.defined()) view.prior = view.locked;
    view.packets = activate_packets(packets)[0].cpu();
  }

  SplatVae model_;
  std::int64_t most_steps_;
  double rate_;
  bool on_latents_;
};

}  // namespace

std::unique_ptr<LockSolver> make_adam_solver(const SplatVae& model,
                                             const LockSolverSettings& settings) {
  return std::make_unique<DescentSolver>(model, settings.steps, settings.learning_rate, false);
}

std::unique_ptr<LockSolver> make_latent_solver(const SplatVae& model,
                                               const LockSolverSettings& settings) {
  return std::make_unique<DescentSolver>(model, settings.steps, settings.latent_rate, true);
}

}  // namespace neurosplat
