# The CUDA renderers: the kernels, what calls them on tensors, and the library that a program opens when it
# first has a tensor on a GPU.

# A library of its own: our warnings go to the host's compiler through nvcc, less -Wpedantic, which
# objects to what nvcc writes. C++17, since CMake 3.25 knows no flag of nvcc's for C++20.
add_library(neurosplat_cuda_kernels STATIC packets/cuda/cuda_kernels.cu patches/cuda/cuda_patch_kernels.cu)
set_target_properties(neurosplat_cuda_kernels PROPERTIES CUDA_STANDARD 17)
target_include_directories(neurosplat_cuda_kernels PRIVATE ${CMAKE_SOURCE_DIR}/include
                           ${CMAKE_SOURCE_DIR}/src)
target_compile_options(neurosplat_cuda_kernels PRIVATE
  -Werror=all-warnings -Xcompiler=-Wall,-Wextra,-Wshadow,-Wconversion,-Werror)

# Also for programs that drive it directly: the lock step has no other door.
add_library(neurosplat_cuda_renderer STATIC packets/cuda/cuda_renderer.cpp packets/cuda/cuda_lock_step.cpp
                                            patches/cuda/cuda_patches.cpp)
target_include_directories(neurosplat_cuda_renderer PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(neurosplat_cuda_renderer
  PUBLIC neurosplat_cuda_kernels neurosplat::torch neurosplat::c10_cuda CUDA::cudart
  PRIVATE neurosplat_options)

if(NEUROSPLAT_GPU_CHECK)
  target_sources(neurosplat_cuda_renderer PRIVATE cuda_library.cpp)
  target_compile_definitions(neurosplat_cuda_renderer PRIVATE NEUROSPLAT_VERSION="${PROJECT_VERSION}")
  target_compile_definitions(neurosplat_renderer PRIVATE NEUROSPLAT_CUDA_LINKED)
  target_link_libraries(neurosplat_renderer PRIVATE neurosplat_cuda_renderer)
else()
  neurosplat_lazy_library(cuda OF renderer
    SOURCES cuda_library.cpp
    LINKS neurosplat_cuda_renderer)
  target_compile_definitions(neurosplat_renderer PRIVATE NEUROSPLAT_CUDA_IN_LIBRARY)
endif()
