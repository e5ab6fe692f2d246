# neurosplat_layer(NAME SOURCES ... LINKS ...): one static library a layer, with our warnings.
add_library(neurosplat_options INTERFACE)
target_compile_options(neurosplat_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
if(NEUROSPLAT_SANITIZER)
  target_compile_options(neurosplat_options INTERFACE
    -fsanitize=${NEUROSPLAT_SANITIZER} -fno-omit-frame-pointer
    # GCC takes instrumented code of <regex> for uninitialised (its manual says so of sanitizers).
    -Wno-maybe-uninitialized)
  target_link_options(neurosplat_options INTERFACE -fsanitize=${NEUROSPLAT_SANITIZER})
endif()

function(neurosplat_layer name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(neurosplat_${name} STATIC ${arg_SOURCES})
  add_library(neurosplat::${name} ALIAS neurosplat_${name})
  target_include_directories(neurosplat_${name} PUBLIC ${CMAKE_SOURCE_DIR}/include
                             PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(neurosplat_${name} PUBLIC ${arg_LINKS}
                        PRIVATE ${arg_PRIVATE_LINKS} neurosplat_options)
endfunction()
