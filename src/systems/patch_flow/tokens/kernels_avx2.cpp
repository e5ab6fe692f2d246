#define NEUROSPLAT_LANES 8
#define NEUROSPLAT_SET avx2_kernels
#include "systems/patch_flow/tokens/kernels-inl.h"
