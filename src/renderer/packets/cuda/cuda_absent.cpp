/// Stands for the CUDA renderer in a build without it.
#include "neurosplat/core/error.h"
#include "renderer/packets/cuda/cuda_renderer.h"

namespace neurosplat::packet::cuda {

bool built() {
  return false;
}

void require(const at::Tensor&) {
  throw UsageError(
      "renderer: cuda was asked for, but this build has no CUDA kernels; choose auto, or build "
      "with -DNEUROSPLAT_CUDA=ON");
}

at::Tensor field(const at::Tensor& packets, std::int64_t, std::int64_t) {
  require(packets);
  return {};
}

at::Tensor activate_packets(const at::Tensor& raw) {
  require(raw);
  return {};
}

at::Tensor field_gradient(const at::Tensor& packets, const at::Tensor&) {
  require(packets);
  return {};
}

at::Tensor activation_gradient(const at::Tensor& raw, const at::Tensor&) {
  require(raw);
  return {};
}

}  // namespace neurosplat::packet::cuda
