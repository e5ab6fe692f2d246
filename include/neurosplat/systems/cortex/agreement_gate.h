#pragma once

#include <ATen/core/Tensor.h>

#include "neurosplat/systems/cortex/gabor_bank.h"

namespace neurosplat {

/// How far a picture and an expectation agree in phase, at each pixel: with z_w, z_g their
/// responses in orientation o and amp = |z_w| |z_g|,
///   c_o = Re(z_w conj(z_g)) / (amp + 1e-9),  w_o = amp / (sum of amp + 1e-9)
///   gain = clip(sum over o of w_o (1 + c_o) / 2, 0, 1)
/// and surprise is 1 - gain. docs/neuro-splat.md, "Agreement gate".
class AgreementGate {
 public:
  explicit AgreementGate(const GaborSettings& settings = {}) : bank_(settings) {}

  const GaborBank& bank() const { return bank_; }

  /// world, gist: [H, W] of one size and type, float or double, on the CPU; returns the gain,
  /// [H, W] of that type.
  at::Tensor gain(const at::Tensor& world, const at::Tensor& gist) const;

 private:
  GaborBank bank_;
};

/// The gain from two responses as GaborBank::respond gives them.
at::Tensor agreement_of(const at::Tensor& world_responses, const at::Tensor& gist_responses);

}  // namespace neurosplat
