#define NEUROSPLAT_LANES 16
#define NEUROSPLAT_SET avx512_kernels
#include "systems/patch_flow/tokens/kernels-inl.h"
