#include "systems/patch_flow/tokens/token_kernels.h"

#include "neurosplat/simd/instruction_set.h"

namespace neurosplat::tokens {

#include "neurosplat/simd/choice-inl.h"

}  // namespace neurosplat::tokens
