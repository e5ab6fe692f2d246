#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "neurosplat/systems/iterative_vae/iterative_inference.h"

namespace neurosplat::ivae {

/// What computes an IterativeInference; the functions are those of its public face.
class InferenceEngine {
 public:
  virtual ~InferenceEngine() = default;
  virtual void reset() = 0;
  /// On float32 pictures whose shape and numbers have been checked.
  virtual void step(const at::Tensor& frames) = 0;
  virtual const InferenceState& state() const = 0;
  virtual at::Tensor activity() const = 0;
  virtual at::Tensor reconstruction() const = 0;
  virtual at::Tensor mean_reconstruction() const = 0;
  virtual double last_change() const = 0;
  virtual double accepted() const = 0;
};

/// Through the kernels of the fused loop; for models that can_fuse().
std::unique_ptr<InferenceEngine> fused_engine(const IterativeVae& model, std::int64_t batch,
                                              const InferenceOptions& options);
/// Through tensors, without a guard.
std::unique_ptr<InferenceEngine> eager_engine(const IterativeVae& model, std::int64_t batch,
                                              const InferenceOptions& options);

}  // namespace neurosplat::ivae
