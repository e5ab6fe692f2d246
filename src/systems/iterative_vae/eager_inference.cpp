#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "systems/iterative_vae/inference_engine.h"
#include "systems/iterative_vae/loop/unrolled.h"

namespace neurosplat::ivae {
namespace {

LoopSettings settings_of(const InferenceOptions& options) {
  LoopSettings settings;
  settings.beta_inner = options.beta_inner;
  settings.counting = Counting::hard;
  return settings;
}

/// A model of its own, so that later training does not reach it.
IterativeVae copy_of(const IterativeVae& model) {
  IterativeVae copy(model.architecture());
  copy.to(model.scale().device());
  copy.load_state(model.state());
  return copy;
}

class EagerEngine : public InferenceEngine {
 public:
  EagerEngine(const IterativeVae& model, std::int64_t batch, const InferenceOptions& options)
      : batch_(batch),
        inner_(options.inner),
        model_(copy_of(model)),
        settings_(settings_of(options)),
        noise_(random_noise(model_.scale().options(), options.seed)),
        unrolled_(model_, settings_, *noise_) {
    reset();
  }

  void reset() override {
    const at::NoGradGuard no_gradient;
    state_.clear();
    for (const auto& initial : model_.initial()) {
      state_.push_back(initial.detach().expand({batch_, -1}).clone());
    }
    drawn_ = unrolled_.draw(state_, 0, 0);
    last_change_ = 0;
  }

  void step(const at::Tensor& frames) override {
    const at::NoGradGuard no_gradient;
    const auto x = frames.to(state_[0].device());
    const auto prior = state_;
    for (std::int64_t i = 0; i < inner_; ++i) {
      state_ = unrolled_.iterate(x, state_, prior, drawn_);
      drawn_ = unrolled_.draw(state_, 0, 0);
    }
    last_change_ = (state_[0] - prior[0]).norm(2, 1).mean().item<double>();
  }

  const InferenceState& state() const override { return state_; }
  at::Tensor activity() const override { return drawn_.activity.detach(); }
  at::Tensor reconstruction() const override { return drawn_.expected.detach(); }
  at::Tensor mean_reconstruction() const override {
    const at::NoGradGuard no_gradient;
    return model_.decode(model_.architecture().poisson() ? at::exp(state_[0])
                                                         : model_.activity(state_[0]));
  }
  double last_change() const override { return last_change_; }
  double accepted() const override { return 1; }

 private:
  std::int64_t batch_, inner_;
  IterativeVae model_;
  LoopSettings settings_;
  std::unique_ptr<Noise> noise_;
  Unrolled unrolled_;
  InferenceState state_;
  Unrolled::Drawn drawn_;
  double last_change_ = 0;
};

}  // namespace

std::unique_ptr<InferenceEngine> eager_engine(const IterativeVae& model, std::int64_t batch,
                                              const InferenceOptions& options) {
  return std::make_unique<EagerEngine>(model, batch, options);
}

}  // namespace neurosplat::ivae
