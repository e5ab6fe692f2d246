#pragma once

#include <ATen/core/Tensor.h>

#include "neurosplat/renderer/patches/patches.h"

/// The formulas as tensor operations, one neighbour at a time, as their author has them: the
/// baseline of benchmarks and, in float64, the tests' truth beside plain loops.
namespace neurosplat::patches::eager {

at::Tensor draw(const at::Tensor& splats, const Form& form);

}  // namespace neurosplat::patches::eager
