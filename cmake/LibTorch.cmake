# Defines the target neurosplat::torch from, in this order:
#   1. NEUROSPLAT_LIBTORCH, a folder that holds include/ and lib/ (a libtorch archive or a wheel);
#   2. a LibTorch that find_package(Torch) finds through Torch_DIR or CMAKE_PREFIX_PATH;
#   3. the torch wheel in this checkout's .venv, made by scripts/setup.sh.
# A wheel is imported by hand: it was built with CUDA, and its own package file then fails on
# every machine that has no CUDA toolkit.
set(NEUROSPLAT_LIBTORCH "" CACHE PATH "Folder of an existing LibTorch (with include/ and lib/)")

function(neurosplat_import_torch root)
  foreach(name torch torch_cpu c10)
    unset(NEUROSPLAT_LIB_${name} CACHE)  # the folder may have changed since the last time
    find_library(NEUROSPLAT_LIB_${name} ${name} PATHS ${root}/lib NO_DEFAULT_PATH)
    if(NOT NEUROSPLAT_LIB_${name})
      message(FATAL_ERROR "expected lib${name}.so in ${root}/lib, found none: "
              "set NEUROSPLAT_LIBTORCH to a LibTorch folder or run scripts/setup.sh")
    endif()
  endforeach()
  add_library(neurosplat_torch INTERFACE)
  target_include_directories(neurosplat_torch SYSTEM INTERFACE
                             ${root}/include ${root}/include/torch/csrc/api/include)
  # libtorch.so only pulls in the others, among them the CUDA libraries when the build has them.
  # The C++ library stands before them: the wheel exports a std::filesystem of another compiler,
  # and a program that takes half of it from there crashes.
  target_link_libraries(neurosplat_torch INTERFACE
                        -Wl,--no-as-needed stdc++ ${NEUROSPLAT_LIB_torch} -Wl,--as-needed
                        ${NEUROSPLAT_LIB_torch_cpu} ${NEUROSPLAT_LIB_c10})
  target_link_options(neurosplat_torch INTERFACE -Wl,-rpath,${root}/lib
                      -Wl,--allow-shlib-undefined)
  add_library(neurosplat::torch ALIAS neurosplat_torch)
endfunction()

if(NOT NEUROSPLAT_LIBTORCH AND (Torch_DIR OR CMAKE_PREFIX_PATH OR DEFINED ENV{CMAKE_PREFIX_PATH}))
  find_package(Torch QUIET)
endif()
if(NOT NEUROSPLAT_LIBTORCH AND NOT TORCH_FOUND)
  file(GLOB wheels ${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch)
  if(NOT wheels)
    message(FATAL_ERROR "expected a LibTorch, found none: run scripts/setup.sh, or set "
            "NEUROSPLAT_LIBTORCH to the folder of one")
  endif()
  list(GET wheels 0 NEUROSPLAT_LIBTORCH)
endif()

if(NEUROSPLAT_LIBTORCH)
  message(STATUS "LibTorch: ${NEUROSPLAT_LIBTORCH}")
  neurosplat_import_torch(${NEUROSPLAT_LIBTORCH})
else()
  message(STATUS "LibTorch: ${TORCH_INSTALL_PREFIX}")
  add_library(neurosplat_torch INTERFACE)
  target_link_libraries(neurosplat_torch INTERFACE ${TORCH_LIBRARIES})
  add_library(neurosplat::torch ALIAS neurosplat_torch)
endif()
