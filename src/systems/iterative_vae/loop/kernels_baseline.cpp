#define NEUROSPLAT_LANES 4
#define NEUROSPLAT_ROWS 4
#define NEUROSPLAT_SET baseline_kernels
#include "systems/iterative_vae/loop/kernels-inl.h"
