#include <ATen/ATen.h>

#include "systems/patch_flow/tokens/token_kernels.h"
#include "systems/patch_flow/tokens/token_passes.h"

namespace neurosplat::tokens::eager {
namespace {

at::Tensor rms_normalised(const at::Tensor& x) {
  return x * (x.square().mean(-1, true) + kNormEpsilon).rsqrt();
}

at::Tensor turned(const at::Tensor& x, const Rotation& rotation) {
  const auto halves = x.chunk(2, -1);
  return at::cat({halves[0] * rotation.cosine - halves[1] * rotation.sine,
                  halves[0] * rotation.sine + halves[1] * rotation.cosine},
                 -1);
}

}  // namespace

at::Tensor modulated(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift) {
  return rms_normalised(x) * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1);
}

at::Tensor gated_sum(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y) {
  return x + gate.unsqueeze(1) * y;
}

HeadParts head_parts(const at::Tensor& joined, const at::Tensor& scales, const Rotation& rotation) {
  const auto parts = joined.view({joined.size(0), joined.size(1), 3, -1, scales.size(1)})
                         .permute({2, 0, 3, 1, 4})
                         .unbind(0);
  const auto type = joined.scalar_type();
  return {turned(rms_normalised(parts[0]) * scales[0], rotation).to(type),
          turned(rms_normalised(parts[1]) * scales[1], rotation).to(type), parts[2]};
}

at::Tensor swiglu(const at::Tensor& joined) {
  const auto halves = joined.chunk(2, -1);
  return at::silu(halves[0]) * halves[1];
}

}  // namespace neurosplat::tokens::eager
