# Without Google Benchmark, so that it builds where LibTorch and nvcc are all there is.
if(NEUROSPLAT_WITH_CUDA)
  add_executable(gpu_benchmark ${CMAKE_CURRENT_LIST_DIR}/gpu_benchmark.cpp)
  target_include_directories(gpu_benchmark PRIVATE ${CMAKE_SOURCE_DIR}/src
                             ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(gpu_benchmark PRIVATE neurosplat::renderer CUDA::cudart neurosplat_options)
endif()
