#include "systems/iterative_vae/loop/loop_kernels.h"

#include "neurosplat/simd/instruction_set.h"

namespace neurosplat::ivae {

#include "neurosplat/simd/choice-inl.h"

}  // namespace neurosplat::ivae
