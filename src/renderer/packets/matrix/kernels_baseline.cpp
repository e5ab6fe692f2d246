#define NEUROSPLAT_LANES 4
#define NEUROSPLAT_ROWS 4
#define NEUROSPLAT_SET baseline_kernels
#include "renderer/packets/matrix/kernels-inl.h"
