#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "systems/iterative_vae/loop/loop.h"

namespace neurosplat::ivae {

/// The steps of inference, tensor by tensor. Model, settings and noise must outlive it.
class Unrolled {
 public:
  Unrolled(const IterativeVae& model, const LoopSettings& settings, Noise& noise);

  /// A sample of a state and what the decoder makes of it.
  struct Drawn {
    at::Tensor z, noise, activity, expected;
  };
  /// `sample` bounds the arrivals, `noise_number` says which noise.
  Drawn draw(const InferenceState& state, std::int64_t sample, std::int64_t noise_number) const;
  /// One iteration on pictures x [B, pixels].
  InferenceState iterate(const at::Tensor& x, const InferenceState& state,
                         const InferenceState& prior, const Drawn& drawn) const;
  /// Half the squared error over the variance, summed over pixels, mean over the batch.
  at::Tensor nll(const at::Tensor& x, const Drawn& drawn) const;
  at::Tensor kl(const InferenceState& next, const InferenceState& prior) const;

 private:
  at::Tensor error(const at::Tensor& x, const Drawn& drawn) const {
    return (x - drawn.expected) * precision_;
  }
  at::Tensor counts(const at::Tensor& log_rate, std::int64_t sample,
                    std::int64_t noise_number) const;
  at::Tensor drive_of(const Drawn& drawn, const at::Tensor& error) const;

  const IterativeVae& model_;
  const LoopSettings& settings_;
  Noise& noise_;
  at::Tensor precision_, bias_, rates_;
  Ceilings ceilings_;
};

}  // namespace neurosplat::ivae
