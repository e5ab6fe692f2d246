#define NEUROSPLAT_LANES 4
#define NEUROSPLAT_SET baseline_kernels
#include "systems/patch_flow/tokens/kernels-inl.h"
