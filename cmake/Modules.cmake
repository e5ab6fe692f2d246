# Modules: one folder of src/, include/neurosplat/ and tests/ and one static library each. What may
# include what is said here and nowhere else: scripts/check_layers.py reads these calls.
add_library(neurosplat_options INTERFACE)
target_compile_options(neurosplat_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
if(NEUROSPLAT_SANITIZER)
  target_compile_options(neurosplat_options INTERFACE
    -fsanitize=${NEUROSPLAT_SANITIZER} -fno-omit-frame-pointer
    # GCC takes instrumented code of <regex> for uninitialised (its manual says so of sanitizers).
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(neurosplat_options INTERFACE -fsanitize=${NEUROSPLAT_SANITIZER})
endif()
if(NEUROSPLAT_FUZZ)
  # libFuzzer sees which edges of our code a run takes; whatever a sanitizer finds ends the run.
  target_compile_options(neurosplat_options INTERFACE
    -fsanitize=fuzzer-no-link -fno-sanitize-recover=all -D_GLIBCXX_ASSERTIONS)
endif()

# Flags for files with coroutines, which clang 14 cannot assemble with this sanitizer.
set(NEUROSPLAT_COROUTINES $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function>)

# Flags for files with OpenMP. Clang is to leave its own runtime out: LibTorch brings GNU's. Its loops then
# run on one thread.
set(NEUROSPLAT_OPENMP $<IF:$<CXX_COMPILER_ID:Clang>,-fopenmp=libgomp,-fopenmp>)

# The targets of modules; one must be built before those that use it, so that there are no cycles.
function(neurosplat_targets_of user modules into)
  set(targets)
  foreach(module ${modules})
    if(NOT TARGET neurosplat_${module})
      message(FATAL_ERROR "${user}: expected modules that are added before it in USES, got "
              "'${module}': name another, or add it first")
    endif()
    list(APPEND targets neurosplat_${module})
  endforeach()
  set(${into} ${targets} PARENT_SCOPE)
endfunction()

# neurosplat_module(NAME SOURCES ... USES MODULE... [LINKS ...] [PRIVATE_LINKS ...]
#                   [COMMANDS ... COMMANDS_USE MODULE...])
# COMMANDS are the sources of subcommands, which need CLI11: they are left out where no programs are
# built. Only they, and headers, may include the modules of COMMANDS_USE.
function(neurosplat_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;LINKS;PRIVATE_LINKS;COMMANDS;COMMANDS_USE" ${ARGN})
  if(NEUROSPLAT_BUILD_APPS)
    list(APPEND arg_SOURCES ${arg_COMMANDS})
    list(APPEND arg_USES ${arg_COMMANDS_USE})
  endif()
  neurosplat_targets_of(${name} "${arg_USES}" used)
  add_library(neurosplat_${name} STATIC ${arg_SOURCES})
  add_library(neurosplat::${name} ALIAS neurosplat_${name})
  target_include_directories(neurosplat_${name} PUBLIC ${CMAKE_SOURCE_DIR}/include
                             PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_compile_definitions(neurosplat_${name} PRIVATE NEUROSPLAT_VERSION="${PROJECT_VERSION}")
  target_link_libraries(neurosplat_${name} PUBLIC ${used} ${arg_LINKS}
                        PRIVATE ${arg_PRIVATE_LINKS} neurosplat_options)
endfunction()

# neurosplat_kernels(MODULE FOLDER CHOOSER): FOLDER/kernels_SET.cpp, the loops of a module compiled once
# for each instruction set; CHOOSER, a source of the module in FOLDER, knows which there are. They do
# without errno and traps, and may fuse multiplications with additions.
function(neurosplat_kernels module folder chooser)
  set(options -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math)
  set(baseline_options ${options})
  set(avx2_options ${options} -mavx2 -mfma)
  set(avx512_options ${options} -mavx512f -mavx512vl -mavx512dq -mavx512bw -mfma
                     -mprefer-vector-width=512)
  set(sets baseline)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(APPEND sets avx2 avx512)
    set_source_files_properties(${folder}/${chooser} PROPERTIES
      COMPILE_DEFINITIONS NEUROSPLAT_X86_KERNELS)
  endif()
  foreach(set ${sets})
    target_sources(neurosplat_${module} PRIVATE ${folder}/kernels_${set}.cpp)
    set_source_files_properties(${folder}/kernels_${set}.cpp PROPERTIES
      COMPILE_OPTIONS "${${set}_options}")
  endforeach()
endfunction()

# neurosplat_executable(NAME SOURCES ... USES MODULE... [LINKS ...] [PRIVATE_HEADERS_OF MODULE...])
# Private headers of a module are its own: PRIVATE_HEADERS_OF says where a program of another folder
# takes some all the same.
function(neurosplat_executable name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;LINKS;PRIVATE_HEADERS_OF" ${ARGN})
  neurosplat_targets_of(${name} "${arg_USES}" used)
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${used} ${arg_LINKS} neurosplat_options)
endfunction()
