# neurosplat_embed(MODULE FILE...): the files' bytes as string literals in page/embedded.inc of the
# build folder, which says `{"name", "bytes"},` for each.
function(neurosplat_embed module)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/page/embedded.inc)
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE files)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} "-DFILES=${files}" -P ${CMAKE_CURRENT_SOURCE_DIR}/embed_files.cmake
    DEPENDS ${files} ${CMAKE_CURRENT_SOURCE_DIR}/embed_files.cmake
    VERBATIM)
  target_sources(neurosplat_${module} PRIVATE ${out})
  target_include_directories(neurosplat_${module} PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()
