#include "renderer/patches/fused/patch_kernels.h"

#include "neurosplat/simd/instruction_set.h"

namespace neurosplat::patches::fused {

#include "neurosplat/simd/choice-inl.h"

}  // namespace neurosplat::patches::fused
