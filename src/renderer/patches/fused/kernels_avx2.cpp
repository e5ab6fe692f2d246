#define NEUROSPLAT_LANES 8
#define NEUROSPLAT_SET avx2_kernels
#include "renderer/patches/fused/kernels-inl.h"
