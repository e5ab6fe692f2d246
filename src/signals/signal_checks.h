#pragma once

#include <ATen/core/Tensor.h>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {

/// Throws UsageError unless samples are float32 [n, channels] and times float64 [n].
inline void check_samples(const at::Tensor& samples, const at::Tensor& times,
                          std::size_t channels) {
  if (samples.dim() != 2 || samples.size(1) != static_cast<std::int64_t>(channels) ||
      samples.scalar_type() != at::kFloat) {
    throw UsageError(text("samples: expected float32 [n, ", channels, "], got ",
                          samples.scalar_type(), ' ', samples.sizes()));
  }
  if (times.dim() != 1 || times.size(0) != samples.size(0) || times.scalar_type() != at::kDouble) {
    throw UsageError(text("times: expected float64 [", samples.size(0), "], got ",
                          times.scalar_type(), ' ', times.sizes()));
  }
}

}  // namespace neurosplat
