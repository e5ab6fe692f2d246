#include "renderer/packets/matrix/matrix_kernels.h"

#include "neurosplat/simd/instruction_set.h"

namespace neurosplat::packet::matrix {

const Kernels& baseline_kernels();
#if defined(NEUROSPLAT_X86_KERNELS)
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
#endif

const Kernels& kernels() {
#if defined(NEUROSPLAT_X86_KERNELS)
  switch (simd::instruction_set()) {
    case simd::InstructionSet::avx512:
      return avx512_kernels();
    case simd::InstructionSet::avx2:
      return avx2_kernels();
    case simd::InstructionSet::baseline:
      break;
  }
#endif
  return baseline_kernels();
}

}  // namespace neurosplat::packet::matrix
