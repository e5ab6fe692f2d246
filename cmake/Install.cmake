# What `cmake --install` puts under a prefix, in five components: `programs`, `models` (with configurations and
# the experiments' inputs), `development` (headers, archives, package files), `python` (the operators) and, for
# all of these, `libraries` (those that are opened when first needed).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)  # LibTorch lies outside the system's folders
set(CMAKE_INSTALL_RPATH $ORIGIN/../${CMAKE_INSTALL_LIBDIR} $ORIGIN)  # libraries opened when first needed
set(NEUROSPLAT_INSTALL_CMAKE ${CMAKE_INSTALL_LIBDIR}/cmake/neurosplat)

function(neurosplat_install_archive target)
  install(TARGETS ${target} EXPORT neurosplatTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
  get_target_property(name ${target} EXPORT_NAME)
  set_property(GLOBAL APPEND PROPERTY NEUROSPLAT_EXPORTED neurosplat::${name})
endfunction()

# After all archives.
function(neurosplat_install_package)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/neurosplat DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    COMPONENT development FILES_MATCHING PATTERN "*.h")
  install(EXPORT neurosplatTargets NAMESPACE neurosplat:: DESTINATION ${NEUROSPLAT_INSTALL_CMAKE}
    COMPONENT development)
  get_property(NEUROSPLAT_EXPORTED GLOBAL PROPERTY NEUROSPLAT_EXPORTED)
  neurosplat_torch_version(NEUROSPLAT_TORCH_VERSION)
  string(REGEX REPLACE "^([0-9]+)[.]([0-9]+)[.].*" "\\1[.]\\2[.]" NEUROSPLAT_TORCH_VERSION_PATTERN
         "${NEUROSPLAT_TORCH_VERSION}")
  configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/neurosplatConfig.cmake.in
    ${PROJECT_BINARY_DIR}/neurosplatConfig.cmake INSTALL_DESTINATION ${NEUROSPLAT_INSTALL_CMAKE}
    NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/neurosplatConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/neurosplatConfig.cmake ${PROJECT_BINARY_DIR}/neurosplatConfigVersion.cmake
    ${PROJECT_SOURCE_DIR}/cmake/LibTorch.cmake DESTINATION ${NEUROSPLAT_INSTALL_CMAKE} COMPONENT development)
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT development)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/models ${PROJECT_SOURCE_DIR}/configs
    DESTINATION ${CMAKE_INSTALL_DATADIR}/neurosplat COMPONENT models)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/tests/fixtures/perception
    DESTINATION ${CMAKE_INSTALL_DATADIR}/neurosplat/fixtures COMPONENT models)
endfunction()
