#include "renderer/packets/matrix/matrix_kernels.h"

#include "neurosplat/simd/instruction_set.h"

namespace neurosplat::packet::matrix {

#include "neurosplat/simd/choice-inl.h"

}  // namespace neurosplat::packet::matrix
