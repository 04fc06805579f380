# Install rules: the engine as the CMake package prompt2pic and, unless P2P_ENGINE_ONLY, the program and the bundled model. The component
# `program` is the runtime without the package's development files, `openvino` the libraries of OpenVINO that it needs.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/prompt2pic)

install(TARGETS p2p_base p2p_engine EXPORT prompt2picTargets)
install(EXPORT prompt2picTargets NAMESPACE p2p:: DESTINATION ${package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/prompt2picConfig.cmake.in ${CMAKE_BINARY_DIR}/prompt2picConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/prompt2picConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/prompt2picConfig.cmake ${CMAKE_BINARY_DIR}/prompt2picConfigVersion.cmake DESTINATION ${package_dir})

# The engine's public headers; all others are internal.
foreach(header base/error.hpp base/sentence.hpp engine/graph/compiled_networks.hpp engine/graph/precision.hpp engine/image/image.hpp engine/sampling/sampler.hpp
        engine/pipelines/model_card.hpp engine/pipelines/parameters.hpp engine/pipelines/text_to_image.hpp)
  # Installed they lie below prompt2pic/, and include each other so.
  cmake_path(GET header PARENT_PATH folder)
  file(READ src/${header} text)
  string(REGEX REPLACE "#include \"(base|engine)/" "#include \"prompt2pic/\\1/" text "${text}")
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/include/prompt2pic/${header} CONTENT "${text}" @ONLY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS src/${header})
  install(FILES ${CMAKE_BINARY_DIR}/include/prompt2pic/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/prompt2pic/${folder})
endforeach()
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)

if(NOT P2P_ENGINE_ONLY)
  set_target_properties(prompt2pic PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}/prompt2pic")
  install(TARGETS prompt2pic COMPONENT program)
  if(NOT P2P_SANITIZE)
    # Written when the program is built, see src/app.
    install(FILES ${CMAKE_BINARY_DIR}/prompt2pic.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
    install(FILES ${CMAKE_BINARY_DIR}/prompt2pic.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME prompt2pic COMPONENT program)
    install(FILES ${CMAKE_BINARY_DIR}/_prompt2pic DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions COMPONENT program)
    install(FILES ${CMAKE_BINARY_DIR}/prompt2pic.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT program)
  endif()
  # Loaded by name, so not linked: the CPU plugin, and TBB's library for the topology of processors, which needs hwloc.
  cmake_path(SET openvino_libs NORMALIZE ${OpenVINO_DIR}/../libs)
  file(GLOB openvino_files ${openvino_libs}/libopenvino.so.* ${openvino_libs}/libopenvino_intel_cpu_plugin.so ${openvino_libs}/libtbb.so.*
    ${openvino_libs}/libtbbbind_2_5.so.* ${openvino_libs}/libhwloc.so.*)
  file(GLOB openvino_licenses ${OpenVINO_DIR}/../../openvino-*.dist-info/licenses)
  install(FILES ${openvino_files} DESTINATION ${CMAKE_INSTALL_LIBDIR}/prompt2pic COMPONENT openvino)
  foreach(folder ${openvino_licenses})
    install(DIRECTORY ${folder}/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/openvino COMPONENT openvino)
  endforeach()
  install(DIRECTORY models/emoji DESTINATION ${CMAKE_INSTALL_DATADIR}/prompt2pic/models COMPONENT program)
  install(DIRECTORY ${P2P_CLIP_TOKENIZERS}/ DESTINATION ${CMAKE_INSTALL_DATADIR}/prompt2pic/clip COMPONENT program)
  file(CREATE_LINK ${P2P_CLIP_TOKENIZERS} ${CMAKE_BINARY_DIR}/clip SYMBOLIC)  # for running from the build folder
endif()

# A sanitized engine would need the example to be sanitized as well.
if(NOT P2P_SANITIZE AND NOT P2P_ENGINE_ONLY)
  add_test(NAME install COMMAND ${CMAKE_SOURCE_DIR}/tests/install/install_test ${CMAKE_BINARY_DIR})
  set_tests_properties(install PROPERTIES LABELS e2e TIMEOUT 600)
endif()
