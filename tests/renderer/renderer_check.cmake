# The programs that also run where there is no test framework.
neurosplat_executable(renderer_check
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/renderer_check.cpp
  USES core renderer
  LINKS $<TARGET_NAME_IF_EXISTS:neurosplat::torch_cuda>)  # they ask LibTorch itself for a GPU
target_include_directories(renderer_check PRIVATE ${CMAKE_SOURCE_DIR}/tests)
neurosplat_executable(patches_check
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/patches_check.cpp
  USES core renderer
  LINKS $<TARGET_NAME_IF_EXISTS:neurosplat::torch_cuda>)  # they ask LibTorch itself for a GPU
target_include_directories(patches_check PRIVATE ${CMAKE_SOURCE_DIR}/tests)
foreach(renderer eager fused cuda)
  set(device cpu)
  if(renderer STREQUAL cuda)
    set(device cuda)
  endif()
  add_test(NAME patches_check.${renderer}
           COMMAND patches_check --renderer ${renderer} --device ${device})
  set_tests_properties(patches_check.${renderer} PROPERTIES TIMEOUT 300
    SKIP_REGULAR_EXPRESSION "SKIPPED: " ENVIRONMENT OMP_WAIT_POLICY=passive)
endforeach()
foreach(renderer dense matrix cuda)
  set(device cpu)
  if(renderer STREQUAL cuda)
    set(device cuda)
  endif()
  foreach(mode values gradients support)
    add_test(NAME renderer_check.${renderer}.${mode}
             COMMAND renderer_check ${mode} --renderer ${renderer} --device ${device})
    set_tests_properties(renderer_check.${renderer}.${mode} PROPERTIES TIMEOUT 300
      SKIP_REGULAR_EXPRESSION "SKIPPED: " ENVIRONMENT OMP_WAIT_POLICY=passive)
  endforeach()
endforeach()

# The instruction sets that are not the fastest one here.
foreach(set baseline AVX2)
  foreach(mode values gradients)
    add_test(NAME renderer_check.matrix.${mode}.${set}
             COMMAND renderer_check ${mode} --renderer matrix --device cpu)
    set_tests_properties(renderer_check.matrix.${mode}.${set} PROPERTIES TIMEOUT 300
      SKIP_REGULAR_EXPRESSION "expected one that this processor runs"
      ENVIRONMENT "OMP_WAIT_POLICY=passive;NEUROSPLAT_INSTRUCTION_SET=${set}")
  endforeach()
  add_test(NAME patches_check.fused.${set} COMMAND patches_check values gradients)
  set_tests_properties(patches_check.fused.${set} PROPERTIES TIMEOUT 300
    SKIP_REGULAR_EXPRESSION "expected one that this processor runs"
    ENVIRONMENT "OMP_WAIT_POLICY=passive;NEUROSPLAT_INSTRUCTION_SET=${set}")
endforeach()

if(NEUROSPLAT_WITH_CUDA)
  neurosplat_executable(cuda_lock_check
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/cuda_lock_check.cpp
    USES core renderer
    LINKS neurosplat_cuda_renderer neurosplat::torch_cuda)
  target_include_directories(cuda_lock_check PRIVATE ${CMAKE_SOURCE_DIR}/tests
                             ${CMAKE_SOURCE_DIR}/src)
  add_test(NAME renderer_check.cuda.lock COMMAND cuda_lock_check)
  set_tests_properties(renderer_check.cuda.lock PROPERTIES TIMEOUT 300
    SKIP_REGULAR_EXPRESSION "SKIPPED: ")
endif()
