# Flags and targets that all our code shares.

add_library(p2p_flags INTERFACE)
target_compile_features(p2p_flags INTERFACE cxx_std_23)
target_compile_options(p2p_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Werror)
target_compile_options(p2p_flags INTERFACE -Wno-missing-field-initializers)  # g++ cries at designated initialisers that leave members to their defaults
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(p2p_flags INTERFACE -Wno-restrict)  # GCC bug 105651: cries at "text" + std::string
endif()
if(P2P_SANITIZE)
  # Reports name functions and lines; the rest of debug information would be a third of the compile time. To optimise a test doubles its own: those that
  # wait for OpenVINO go without.
  target_compile_options(p2p_flags INTERFACE -fsanitize=${P2P_SANITIZE} -fno-omit-frame-pointer
    $<IF:$<BOOL:$<TARGET_PROPERTY:P2P_WAITS_FOR_OPENVINO>>,-O0,-O1> -g1)
  target_link_options(p2p_flags INTERFACE -fsanitize=${P2P_SANITIZE})
endif()
if(P2P_FUZZ)
  target_compile_options(p2p_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# p2p_library(NAME SOURCES ... DEPS ... PRIVATE_DEPS ... TESTS ...)
# The static library p2p_NAME (alias p2p::NAME) and, from TESTS, the test program p2p_NAME_test. Includes are absolute from src/.
function(p2p_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS;TESTS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "p2p_library(${name}): unknown words ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  add_library(p2p_${name} STATIC ${ARG_SOURCES})
  add_library(p2p::${name} ALIAS p2p_${name})
  set_target_properties(p2p_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_compile_features(p2p_${name} PUBLIC cxx_std_23)
  target_include_directories(p2p_${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src> $<INSTALL_INTERFACE:include/prompt2pic>)
  target_link_libraries(p2p_${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS} $<BUILD_INTERFACE:p2p_flags>)
  if(ARG_TESTS AND P2P_TESTS)
    p2p_test(${name} SOURCES ${ARG_TESTS} DEPS p2p_${name} ${ARG_PRIVATE_DEPS})
  endif()
endfunction()

# p2p_test(NAME SOURCES ... DEPS ...): the test program p2p_NAME_test.
function(p2p_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(p2p_${name}_test ${ARG_SOURCES})
  target_link_libraries(p2p_${name}_test PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main p2p_flags)
  target_compile_definitions(p2p_${name}_test PRIVATE P2P_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  include(GoogleTest)
  gtest_discover_tests(p2p_${name}_test DISCOVERY_MODE PRE_TEST)
endfunction()
