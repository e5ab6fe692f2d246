# Without Google Benchmark, so that it builds where LibTorch and nvcc are all there is.
if(NEUROSPLAT_WITH_CUDA)
  neurosplat_executable(gpu_benchmark
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/gpu_benchmark.cpp
    USES core renderer
    LINKS neurosplat_cuda_renderer neurosplat::torch_cuda CUDA::cudart
    PRIVATE_HEADERS_OF renderer)
  target_include_directories(gpu_benchmark PRIVATE ${CMAKE_SOURCE_DIR}/src
                             ${CMAKE_SOURCE_DIR}/tests)
endif()
