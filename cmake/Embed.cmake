# neurosplat_embed(LIBRARY FILE...): the files' bytes as string literals in embedded/LIBRARY.inc, which the
# sources of that library of ours include; it says `{"name", "bytes"},` for each.
set(NEUROSPLAT_EMBED_FILES ${CMAKE_CURRENT_LIST_DIR}/embed_files.cmake)
function(neurosplat_embed library)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/embedded/${library}.inc)
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE files)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} "-DFILES=${files}" -P ${NEUROSPLAT_EMBED_FILES}
    DEPENDS ${files} ${NEUROSPLAT_EMBED_FILES}
    VERBATIM)
  target_sources(neurosplat_${library} PRIVATE ${out})
  target_include_directories(neurosplat_${library} PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()
