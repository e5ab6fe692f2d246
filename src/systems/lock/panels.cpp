#include "neurosplat/systems/lock/panels.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace neurosplat {

at::Tensor lock_panels(const at::Tensor& retina, const at::Tensor& prior,
                       const at::Tensor& locked) {
  const at::NoGradGuard no_gradient;
  return at::cat({retina.to(at::kCPU), prior.to(at::kCPU), locked.to(at::kCPU)}, 2)
      .repeat_interleave(2, 1)
      .repeat_interleave(2, 2);
}

}  // namespace neurosplat
