#define NEUROSPLAT_LANES 4
#define NEUROSPLAT_SET baseline_kernels
#include "renderer/patches/fused/kernels-inl.h"
