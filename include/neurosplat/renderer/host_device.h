#pragma once

/// Marks formulas that host and device compile from the same text.
#if defined(__CUDACC__)
#define NEUROSPLAT_HOST_DEVICE __host__ __device__
#else
#define NEUROSPLAT_HOST_DEVICE
#endif
