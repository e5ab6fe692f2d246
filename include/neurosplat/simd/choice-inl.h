// kernels(), the table of the instruction set in use, of those that neurosplat_kernels() compiles.
// Included inside the namespace of a module's Kernels, after instruction_set.h.

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
