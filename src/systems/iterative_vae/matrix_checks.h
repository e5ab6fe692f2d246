#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {

/// "float [2, 3] on cpu", or "nothing" where a tensor is not defined.
inline std::string described(const at::Tensor& tensor) {
  if (!tensor.defined()) return "nothing";
  return text(tensor.scalar_type(), " ", tensor.sizes(), " on ", tensor.device());
}

/// Throws UsageError unless `tensor` is floating-point, of `dimensions` and not empty. `what` names
/// it with its shape, as in "patches [N, M]".
inline void check_matrix(const char* what, const at::Tensor& tensor, std::int64_t dimensions = 2) {
  if (tensor.defined() && tensor.dim() == dimensions && tensor.is_floating_point() &&
      tensor.numel() > 0) {
    return;
  }
  throw UsageError(text("expected floating-point ", what, ", got ", described(tensor),
                        ": give at least one of each"));
}

}  // namespace neurosplat
