# Compiler flags and target functions for all our code.

add_library(p2p_flags INTERFACE)
target_compile_features(p2p_flags INTERFACE cxx_std_23)
target_compile_options(p2p_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Werror)
target_compile_options(p2p_flags INTERFACE -Wno-missing-field-initializers)  # g++ warns about designated initialisers that leave members at their defaults
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(p2p_flags INTERFACE -Wno-restrict)  # GCC bug 105651: false warning for "text" + std::string
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # In unity builds g++ treats all files but the first as headers, and warns about classes with members from an unnamed namespace.
  target_compile_options(p2p_flags INTERFACE -Wno-subobject-linkage)
endif()
if(P2P_SANITIZE)
  # -g1 is enough for functions and lines in reports; full debug information would add a third to the compile time. Optimising test programs takes longer
  # than it saves.
  target_compile_options(p2p_flags INTERFACE -fsanitize=${P2P_SANITIZE} -fno-omit-frame-pointer
    $<IF:$<BOOL:$<TARGET_PROPERTY:P2P_TEST_PROGRAM>>,-O0,-O1> -g1)
  target_link_options(p2p_flags INTERFACE -fsanitize=${P2P_SANITIZE})
endif()
if(P2P_FUZZ)
  target_compile_options(p2p_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# p2p_library(NAME [THREADS] SOURCES ... DEPS ... PRIVATE_DEPS ... TESTS ... MUTATION_TESTS ...)
# The static library p2p_NAME (alias p2p::NAME). Includes are absolute from src/. TESTS become the test program p2p_NAME_test, MUTATION_TESTS
# p2p_NAME_mutation_test; see p2p_test() for THREADS.
function(p2p_library name)
  cmake_parse_arguments(ARG "THREADS" "" "SOURCES;DEPS;PRIVATE_DEPS;TESTS;MUTATION_TESTS" ${ARGN})
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "p2p_library(${name}): unknown arguments ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  add_library(p2p_${name} STATIC ${ARG_SOURCES})
  add_library(p2p::${name} ALIAS p2p_${name})
  set_target_properties(p2p_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_compile_features(p2p_${name} PUBLIC cxx_std_23)
  target_include_directories(p2p_${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src> $<INSTALL_INTERFACE:include>)
  target_link_libraries(p2p_${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS} $<BUILD_INTERFACE:p2p_flags>)
  if(ARG_TESTS AND P2P_TESTS)
    if(ARG_THREADS)
      set(threads THREADS)
    endif()
    p2p_test(${name} ${threads} SOURCES ${ARG_TESTS} DEPS p2p_${name} ${ARG_PRIVATE_DEPS})
  endif()
  if(ARG_MUTATION_TESTS AND P2P_TESTS)
    p2p_test(${name}_mutation LABEL mutation SOURCES ${ARG_MUTATION_TESTS} DEPS p2p_${name} ${ARG_PRIVATE_DEPS})
  endif()
endfunction()

# p2p_test(NAME [LABEL unit|engine|mutation] [THREADS] SOURCES ... DEPS ...): the test program p2p_NAME_test, also built by the target LABEL_tests.
#   unit      no I/O except temporary files and loopback connections; seconds in total. The default.
#   engine    the engine's results, computed with OpenVINO
#   mutation  many thousands of random inputs
# THREADS: the tests use threads and also run with the thread sanitizer; the target threads_tests builds them.
# Tests with the label e2e are in tests/CMakeLists.txt and Install.cmake.
function(p2p_test name)
  cmake_parse_arguments(ARG "THREADS" "LABEL" "SOURCES;DEPS" ${ARGN})
  set(labels unit)
  if(ARG_LABEL)
    set(labels ${ARG_LABEL})
  endif()
  if(ARG_THREADS)
    list(APPEND labels threads)
  endif()
  add_executable(p2p_${name}_test ${ARG_SOURCES})
  set_target_properties(p2p_${name}_test PROPERTIES P2P_TEST_PROGRAM ON)
  target_link_libraries(p2p_${name}_test PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main p2p_flags)
  target_compile_definitions(p2p_${name}_test PRIVATE P2P_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  include(GoogleTest)
  # gtest_discover_tests() does not accept a list of labels, but `ctest -L` matches substrings: `unit-threads` matches both.
  list(JOIN labels - label)
  gtest_discover_tests(p2p_${name}_test DISCOVERY_MODE PRE_TEST PROPERTIES LABELS ${label}
    ENVIRONMENT TBB_ENABLE_SANITIZERS=1)  # otherwise sanitizers reject how OpenVINO's TBB loads a library
  foreach(label ${labels})
    if(NOT TARGET ${label}_tests)
      add_custom_target(${label}_tests)
    endif()
    add_dependencies(${label}_tests p2p_${name}_test)
  endforeach()
endfunction()
