# neurosplat_embed(MODULE FILE...): the files' bytes as string literals in embedded/MODULE.inc, which the
# module's sources include; it says `{"name", "bytes"},` for each.
set(NEUROSPLAT_EMBED_FILES ${CMAKE_CURRENT_LIST_DIR}/embed_files.cmake)
function(neurosplat_embed module)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/embedded/${module}.inc)
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE files)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} "-DFILES=${files}" -P ${NEUROSPLAT_EMBED_FILES}
    DEPENDS ${files} ${NEUROSPLAT_EMBED_FILES}
    VERBATIM)
  target_sources(neurosplat_${module} PRIVATE ${out})
  target_include_directories(neurosplat_${module} PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()
