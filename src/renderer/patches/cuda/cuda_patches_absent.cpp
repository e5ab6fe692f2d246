/// Stands for the CUDA patch renderer in a build without it.
#include "neurosplat/core/error.h"
#include "renderer/patches/cuda/cuda_patches.h"

namespace neurosplat::patches::cuda {

bool built() {
  return false;
}

void require(const at::Tensor&) {
  throw UsageError(
      "renderer: cuda was asked for, but this build has no CUDA kernels; choose auto, or build "
      "with -DNEUROSPLAT_CUDA=ON");
}

at::Tensor draw(const at::Tensor& splats, const Form&) {
  require(splats);
  return {};
}

}  // namespace neurosplat::patches::cuda
