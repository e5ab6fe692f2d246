#define NEUROSPLAT_LANES 8
#define NEUROSPLAT_ROWS 6
#define NEUROSPLAT_SET avx2_kernels
#define NEUROSPLAT_SET_NAME "AVX2"
#include "renderer/packets/matrix/kernels-inl.h"
