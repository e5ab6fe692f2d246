#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

namespace neurosplat {

/// Pictures [B, 3, S, S], each scaled by exp(-.04 +- .22), stretched by exp(+- .06), turned by
/// +- .2 radians, shifted by up to an eighth of its side and mirrored half of the time; what lies
/// beyond the edge is reflected. Drawn on the CPU from `generator`, uniformly.
at::Tensor augmented(const at::Tensor& pictures, const at::Generator& generator);

}  // namespace neurosplat
