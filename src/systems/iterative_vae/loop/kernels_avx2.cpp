#define NEUROSPLAT_LANES 8
#define NEUROSPLAT_ROWS 6
#define NEUROSPLAT_SET avx2_kernels
#include "systems/iterative_vae/loop/kernels-inl.h"
