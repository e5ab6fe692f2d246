#include "renderer/cuda_functions.h"

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#ifdef NEUROSPLAT_CUDA_IN_LIBRARY
#include "neurosplat/core/lazy_library.h"
#endif

namespace neurosplat::cuda {

#ifdef NEUROSPLAT_CUDA_LINKED
extern const Functions kFunctions;  // cuda_library.cpp
#endif

namespace {

#if defined(NEUROSPLAT_CUDA_LINKED) || defined(NEUROSPLAT_CUDA_IN_LIBRARY)
constexpr bool kBuilt = true;
#else
constexpr bool kBuilt = false;
#endif

}  // namespace

bool serves(const at::Tensor& tensor) {
  return kBuilt && tensor.is_cuda() && tensor.scalar_type() == at::kFloat;
}

void require(const at::Tensor& tensor, const char* name, const char* other) {
  if (!kBuilt) {
    throw UsageError(
        "renderer: cuda was asked for, but this build has no CUDA kernels; choose auto, or build "
        "with -DNEUROSPLAT_CUDA=ON");
  }
  if (serves(tensor)) return;
  throw UsageError(text(name, ": the cuda renderer takes float32 on a CUDA device, got ",
                        tensor.scalar_type(), " on ", tensor.device(), "; choose auto or the ",
                        other, " renderer"));
}

const Functions& functions() {
#if defined(NEUROSPLAT_CUDA_LINKED)
  return kFunctions;
#elif defined(NEUROSPLAT_CUDA_IN_LIBRARY)
  static const auto& instance = lazy_functions<Functions>("cuda");
  return instance;
#else
  throw Error("renderer: expected a build with CUDA kernels, got one without: use the CPU");
#endif
}

}  // namespace neurosplat::cuda
