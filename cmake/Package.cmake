# A Debian package of the program, made by CPack from the install rules' components `program` and `openvino`; tools/package runs it.

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME prompt2pic)
set(CPACK_PACKAGE_VENDOR "the Prompt2Pic authors")
set(CPACK_PACKAGE_CONTACT "the Prompt2Pic authors <prompt2pic@example.org>")  # tools/package: MAINTAINER
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "pictures from words, drawn on plain CPUs")
set(CPACK_PACKAGE_DESCRIPTION "A Telegram bot, an HTTP API with a web page, their workers, and a command line that\ndraw pictures with Stable Diffusion and Wuerstchen models. Contains a small model.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)

set(CPACK_COMPONENTS_ALL program openvino)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION graphics)
set(CPACK_DEBIAN_PACKAGE_DEPENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${openvino_libs})
include(CPack)
