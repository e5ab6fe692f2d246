#define NEUROSPLAT_LANES 16
#define NEUROSPLAT_ROWS 8
#define NEUROSPLAT_SET avx512_kernels
#include "systems/iterative_vae/loop/kernels-inl.h"
