# Defines the target neurosplat::torch, and neurosplat::c10_cuda and torch_cuda where that LibTorch has CUDA,
# from, in this order:
#   1. NEUROSPLAT_LIBTORCH, a folder that holds include/ and lib/ (a libtorch archive or a wheel);
#   2. a LibTorch in Torch_DIR or CMAKE_PREFIX_PATH;
#   3. the folders of NEUROSPLAT_TORCH_HINTS, which whoever includes this file sets;
#   4. the torch wheel of the project's .venv, in this project made by scripts/setup.sh;
#   5. the torch wheel of the python3 on PATH.
# NEUROSPLAT_TORCH_ROOT is the folder. Where there is none, NEUROSPLAT_TORCH_MISSING says what was expected.
# This file is installed too: users of the library find LibTorch as the build does.
#
# A folder with include/ and lib/ is imported by hand: the wheel was built with CUDA, and its own package file
# then fails on every machine that has no CUDA toolkit.
# Programs that open LibTorch's CUDA half themselves (core/device.h), as this project's do, set
# NEUROSPLAT_LAZY_CUDA: neurosplat::torch then leaves it out, without which they start twice as fast.
set(NEUROSPLAT_LIBTORCH "" CACHE PATH "Folder of an existing LibTorch (with include/ and lib/)")

function(neurosplat_import_torch root)
  add_library(neurosplat::torch INTERFACE IMPORTED)
  # libtorch.so only pulls in the others, among them the CUDA libraries when the build has them.
  # The C++ library stands before them: the wheel exports a std::filesystem of another compiler,
  # and a program that takes half of it from there crashes.
  set(whole ${root}/lib/libtorch.so)
  if(NEUROSPLAT_LAZY_CUDA)
    set(whole ${root}/lib/libtorch_cpu.so)
  endif()
  set_target_properties(neurosplat::torch PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${root}/include;${root}/include/torch/csrc/api/include"
    INTERFACE_LINK_LIBRARIES "-Wl,--no-as-needed;stdc++;${whole};-Wl,--as-needed;${root}/lib/libtorch_cpu.so;${root}/lib/libc10.so"
    INTERFACE_LINK_OPTIONS "-Wl,-rpath,${root}/lib;-Wl,--allow-shlib-undefined")
endfunction()

# The folder of Torch_DIR or CMAKE_PREFIX_PATH that can be imported by hand, or nothing.
function(neurosplat_torch_of_prefixes into)
  string(REPLACE ":" ";" environment "$ENV{CMAKE_PREFIX_PATH}")
  set(folders ${Torch_DIR})
  foreach(prefix ${CMAKE_PREFIX_PATH} ${environment})
    list(APPEND folders ${prefix}/share/cmake/Torch ${prefix}/Torch)
  endforeach()
  foreach(folder ${folders})
    get_filename_component(root ${folder}/../../.. ABSOLUTE)
    if(EXISTS ${folder}/TorchConfig.cmake AND EXISTS ${root}/lib/libtorch.so AND EXISTS ${root}/include/ATen)
      set(${into} ${root} PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# The folder of the first hint or wheel, or nothing.
function(neurosplat_torch_of_wheels into)
  file(GLOB wheels ${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch)
  foreach(root ${NEUROSPLAT_TORCH_HINTS} ${wheels})
    if(EXISTS ${root}/lib/libtorch.so)
      set(${into} ${root} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  execute_process(
    COMMAND python3 -c "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
    OUTPUT_VARIABLE root OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(root AND EXISTS ${root}/lib/libtorch.so)
    set(${into} ${root} PARENT_SCOPE)
  endif()
endfunction()

set(NEUROSPLAT_TORCH_MISSING)
set(NEUROSPLAT_TORCH_ROOT ${NEUROSPLAT_LIBTORCH})
if(NOT NEUROSPLAT_TORCH_ROOT)
  neurosplat_torch_of_prefixes(NEUROSPLAT_TORCH_ROOT)
endif()
if(NOT NEUROSPLAT_TORCH_ROOT AND (Torch_DIR OR CMAKE_PREFIX_PATH OR DEFINED ENV{CMAKE_PREFIX_PATH}))
  find_package(Torch QUIET)
endif()
if(NOT NEUROSPLAT_TORCH_ROOT AND NOT TORCH_FOUND)
  neurosplat_torch_of_wheels(NEUROSPLAT_TORCH_ROOT)
endif()

if(NEUROSPLAT_TORCH_ROOT)
  foreach(name torch torch_cpu c10)
    if(NOT NEUROSPLAT_TORCH_MISSING AND NOT EXISTS ${NEUROSPLAT_TORCH_ROOT}/lib/lib${name}.so)
      set(NEUROSPLAT_TORCH_MISSING "expected lib${name}.so in ${NEUROSPLAT_TORCH_ROOT}/lib, found none: set \
NEUROSPLAT_LIBTORCH to a LibTorch folder or run scripts/setup.sh")
    endif()
  endforeach()
  if(NOT NEUROSPLAT_TORCH_MISSING AND NOT TARGET neurosplat::torch)
    neurosplat_import_torch(${NEUROSPLAT_TORCH_ROOT})
  endif()
elseif(TORCH_FOUND)
  set(NEUROSPLAT_TORCH_ROOT ${TORCH_INSTALL_PREFIX})
  if(NOT TARGET neurosplat::torch)
    add_library(neurosplat::torch INTERFACE IMPORTED)
    set_target_properties(neurosplat::torch PROPERTIES INTERFACE_LINK_LIBRARIES "${TORCH_LIBRARIES}")
  endif()
else()
  set(NEUROSPLAT_TORCH_MISSING "expected a LibTorch, found none: run scripts/setup.sh, or set \
NEUROSPLAT_LIBTORCH to the folder of one")
endif()
foreach(name c10_cuda torch_cuda)
  if(EXISTS ${NEUROSPLAT_TORCH_ROOT}/lib/lib${name}.so AND NOT TARGET neurosplat::${name})
    add_library(neurosplat::${name} INTERFACE IMPORTED)
    # Whoever links it wants it loaded, whether or not it calls it.
    set_target_properties(neurosplat::${name} PROPERTIES INTERFACE_LINK_LIBRARIES
      "-Wl,--no-as-needed;${NEUROSPLAT_TORCH_ROOT}/lib/lib${name}.so;-Wl,--as-needed")
  endif()
endforeach()

# neurosplat_torch_version(VARIABLE): "2.11.0", from the headers.
function(neurosplat_torch_version into)
  set(numbers)
  foreach(header headeronly/version.h csrc/api/include/torch/version.h)
    set(file ${NEUROSPLAT_TORCH_ROOT}/include/torch/${header})
    if(EXISTS ${file} AND NOT numbers)
      foreach(part MAJOR MINOR PATCH)
        file(STRINGS ${file} line REGEX "define TORCH_VERSION_${part} +[0-9]+")
        string(REGEX MATCH "[0-9]+" number "${line}")
        list(APPEND numbers ${number})
      endforeach()
    endif()
  endforeach()
  list(JOIN numbers "." version)
  set(${into} "${version}" PARENT_SCOPE)
endfunction()
