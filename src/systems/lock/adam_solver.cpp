#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <functional>

#include "neurosplat/metrics/picture_quality.h"
#include "neurosplat/renderer/packets/renderer.h"
#include "systems/lock/lock_solvers.h"
#include "systems/lock/lock_time.h"
#include "systems/lock/tensor_adam.h"

namespace neurosplat {
namespace {

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
    TensorAdam adam(state);
    const at::AutoGradMode gradient(true);
    state.requires_grad_();
    LockView view;
    while (view.steps < most_steps_ && deadline.allows_another_step()) {
      const auto drawn = model_.draw(packets_of(state));
      if (view.steps == 0) view.prior = drawn.detach()[0].cpu();
      const auto error = at::mse_loss(drawn, target);
      state.mutable_grad() = at::Tensor();
      error.backward();
      adam.step(state.grad(), rate_);
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
    const auto mean = prior_latent(model_, target);
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
