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

# What a module or program links for its USES: their libraries, and of those that have subcommands the
# libraries of these where `commands` is true. One must be added before those that use it, so that there are
# no cycles.
function(neurosplat_targets_of user modules commands into)
  set(targets)
  foreach(module ${modules})
    if(NOT TARGET neurosplat_${module})
      message(FATAL_ERROR "${user}: expected modules that are added before it in USES, got "
              "'${module}': name another, or add it first")
    endif()
    if(commands AND TARGET neurosplat_${module}_commands)
      list(APPEND targets neurosplat_${module}_commands)
    endif()
    list(APPEND targets neurosplat_${module})
  endforeach()
  set(${into} ${targets} PARENT_SCOPE)
endfunction()

# A static library of ours, which is installed and exported as neurosplat::NAME. Warnings and sanitizers are
# those of this build, not of its users.
function(neurosplat_archive name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(neurosplat_${name} STATIC ${arg_SOURCES})
  add_library(neurosplat::${name} ALIAS neurosplat_${name})
  set_target_properties(neurosplat_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(neurosplat_${name}
    PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_compile_features(neurosplat_${name} INTERFACE cxx_std_20)
  target_compile_definitions(neurosplat_${name} PRIVATE NEUROSPLAT_VERSION="${PROJECT_VERSION}")
  target_link_libraries(neurosplat_${name} PUBLIC ${arg_PUBLIC}
                        PRIVATE ${arg_PRIVATE} $<BUILD_INTERFACE:neurosplat_options>)
  neurosplat_install_archive(neurosplat_${name})
endfunction()

# neurosplat_module(NAME SOURCES ... USES MODULE... [LINKS ...] [PRIVATE_LINKS ...]
#                   [COMMANDS ... COMMANDS_USE MODULE...])
# COMMANDS are the sources of subcommands, which need CLI11: a library of their own, NAME_commands, that is
# left out where no programs are built. Only they, and headers, may include the modules of COMMANDS_USE.
function(neurosplat_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;LINKS;PRIVATE_LINKS;COMMANDS;COMMANDS_USE" ${ARGN})
  neurosplat_targets_of(${name} "${arg_USES}" FALSE used)
  neurosplat_archive(${name} SOURCES ${arg_SOURCES} PUBLIC ${used} ${arg_LINKS}
                     PRIVATE ${arg_PRIVATE_LINKS})
  if(arg_COMMANDS AND NEUROSPLAT_BUILD_APPS)
    neurosplat_targets_of(${name} "${arg_USES};${arg_COMMANDS_USE}" TRUE used)
    neurosplat_archive(${name}_commands SOURCES ${arg_COMMANDS} PUBLIC neurosplat_${name} ${used}
                       PRIVATE ${arg_PRIVATE_LINKS})
  endif()
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
  neurosplat_targets_of(${name} "${arg_USES}" TRUE used)
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${used} ${arg_LINKS} neurosplat_options)
endfunction()

# neurosplat_lazy_library(NAME OF MODULE SOURCES ... [LINKS ...]): libneurosplat_NAME.so, which holds what links
# much and is not always wanted. MODULE opens it when it first needs it (core/lazy_library.h); it is there
# whenever MODULE is. Its sources lie in MODULE's folder, link nothing of ours and show one function.
function(neurosplat_lazy_library name)
  cmake_parse_arguments(arg "" "OF" "SOURCES;LINKS" ${ARGN})
  set(library neurosplat_${name})
  add_library(${library} SHARED ${arg_SOURCES})
  target_include_directories(${library} PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
  target_compile_definitions(${library} PRIVATE NEUROSPLAT_VERSION="${PROJECT_VERSION}")
  target_link_libraries(${library} PRIVATE ${arg_LINKS} neurosplat_options)
  target_link_options(${library} PRIVATE -Wl,--exclude-libs,ALL)
  set_target_properties(${library} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  add_dependencies(neurosplat_${arg_OF} ${library})
  install(TARGETS ${library} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libraries)
endfunction()

# neurosplat_plugin(NAME SOURCES ... USES MODULE...): a shared library of everything that it uses, for
# programs that load it. Of ours it shows only what registers itself.
function(neurosplat_plugin name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;LINKS" ${ARGN})
  neurosplat_targets_of(${name} "${arg_USES}" FALSE used)
  add_library(${name} SHARED ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${used} ${arg_LINKS} neurosplat_options)
  target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL -Wl,--no-undefined)
  set_target_properties(${name} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()
