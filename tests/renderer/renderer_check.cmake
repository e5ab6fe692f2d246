# The program that also runs where there is no test framework.
add_executable(renderer_check renderer_check.cpp)
target_include_directories(renderer_check PRIVATE ${CMAKE_SOURCE_DIR}/tests)
target_link_libraries(renderer_check PRIVATE neurosplat::renderer neurosplat_options)
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
