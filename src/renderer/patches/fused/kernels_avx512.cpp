#define NEUROSPLAT_LANES 16
#define NEUROSPLAT_SET avx512_kernels
#include "renderer/patches/fused/kernels-inl.h"
