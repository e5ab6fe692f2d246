#include "neurosplat/systems/iterative_vae/iterative_inference.h"

#include <ATen/ATen.h>
#include <cmath>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "systems/iterative_vae/inference_engine.h"
#include "systems/iterative_vae/loop/loop.h"

namespace neurosplat {
namespace {

void check(const IterativeVaeArchitecture& sizes, std::int64_t batch,
           const InferenceOptions& options) {
  if (batch < 1) throw UsageError(text("batch: expected at least 1, got ", batch));
  if (options.inner < 1) {
    throw UsageError(text("inner iterations: expected at least 1, got ", options.inner));
  }
  if (!(std::isfinite(options.beta_inner) && options.beta_inner >= 0)) {
    throw UsageError(text("beta_inner: expected at least 0, got ", options.beta_inner));
  }
  if (options.guard && !ivae::can_fuse(sizes)) {
    throw UsageError(
        "guard: its free energy is known for linear decoders with identity or relu, "
        "latents in multiples of 32 and pixels of 16: leave it away");
  }
}

}  // namespace

IterativeInference::IterativeInference(const IterativeVae& model, std::int64_t batch,
                                       const InferenceOptions& options)
    : batch_(batch), pixels_(model.architecture().pixels) {
  check(model.architecture(), batch, options);
  const bool fused = ivae::can_fuse(model.architecture()) && model.scale().device().is_cpu();
  engine_ =
      fused ? ivae::fused_engine(model, batch, options) : ivae::eager_engine(model, batch, options);
}

IterativeInference::~IterativeInference() = default;
IterativeInference::IterativeInference(IterativeInference&&) noexcept = default;
IterativeInference& IterativeInference::operator=(IterativeInference&&) noexcept = default;

void IterativeInference::reset() {
  engine_->reset();
  steps_ = 0;
}

void IterativeInference::step(const at::Tensor& frames) {
  if (frames.dim() != 2 || frames.size(0) != batch_ || frames.size(1) != pixels_ ||
      frames.scalar_type() != at::kFloat) {
    throw Error(text("inference: expected float32 pictures [", batch_, ", ", pixels_, "], got ",
                     frames.scalar_type(), " ", frames.sizes()));
  }
  const auto pictures = frames.contiguous();
  // One pass: a sum is finite where all are, unless numbers are of 1e36, which pictures are not.
  if (!std::isfinite(pictures.sum().item<double>())) {
    throw Error("inference: expected pictures of finite numbers, got others");
  }
  engine_->step(pictures);
  ++steps_;
}

std::int64_t IterativeInference::steps() const {
  return steps_;
}

const InferenceState& IterativeInference::state() const {
  return engine_->state();
}

at::Tensor IterativeInference::activity() const {
  return engine_->activity();
}

at::Tensor IterativeInference::reconstruction() const {
  return engine_->reconstruction();
}

at::Tensor IterativeInference::mean_reconstruction() const {
  return engine_->mean_reconstruction();
}

double IterativeInference::last_change() const {
  return engine_->last_change();
}

double IterativeInference::accepted() const {
  return engine_->accepted();
}

}  // namespace neurosplat
