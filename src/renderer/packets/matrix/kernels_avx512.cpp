#define NEUROSPLAT_LANES 16
#define NEUROSPLAT_ROWS 8
#define NEUROSPLAT_SET avx512_kernels
#include "renderer/packets/matrix/kernels-inl.h"
