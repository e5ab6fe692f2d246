#include "renderer/packets/cuda/cuda_kernels.h"

#include "renderer/packets/cuda/launch.cuh"

#include "renderer/packets/cuda/cuda_kernels-inl.cuh"
