# All third-party dependencies. tools/setup installs them.

# tools/setup puts dependencies that Debian 12 lacks, or has in too old a version, into the build cache: the openvino wheel (headers, libraries and CMake files),
# librdkafka, and CLIP's tokenizer.
set(cache $ENV{P2P_BUILD_CACHE})
if(NOT cache)
  set(cache $ENV{HOME}/.cache/prompt2pic)
endif()
list(APPEND CMAKE_PREFIX_PATH ${cache}/openvino-2026.4.1/openvino/cmake ${cache}/librdkafka-2.12.1-static)
find_package(OpenVINO 2026.4 REQUIRED COMPONENTS Runtime)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(ICU 72 REQUIRED COMPONENTS uc i18n)
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
# Debian packages this one without CMake files.
find_path(WEBP_INCLUDE_DIR webp/mux.h REQUIRED)
find_library(WEBP_LIBRARY webp REQUIRED)
find_library(WEBPMUX_LIBRARY webpmux REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost 1.74 REQUIRED CONFIG)  # header-only parts
if(NOT P2P_ENGINE_ONLY)
  find_package(CLI11 2.1 REQUIRED)
  find_package(tomlplusplus 3.3 REQUIRED)
  find_package(RdKafka 2.12 REQUIRED CONFIG)
  find_package(CURL 7.88 REQUIRED)
  find_package(OpenSSL 3.0 REQUIRED)
  find_package(prometheus-cpp REQUIRED CONFIG)
  find_package(SQLite3 3.40 REQUIRED)
  # Debian packages this one without CMake files.
  find_path(SOCI_INCLUDE_DIR soci/soci.h REQUIRED)
  find_library(SOCI_CORE_LIBRARY soci_core REQUIRED)
  find_library(SOCI_SQLITE3_LIBRARY soci_sqlite3 REQUIRED)
  find_library(SOCI_POSTGRESQL_LIBRARY soci_postgresql REQUIRED)
  find_package(PostgreSQL REQUIRED)
  find_path(P2P_CLIP_TOKENIZERS tokenizer/vocab.json PATHS ${cache}/clip-3.3.0 NO_DEFAULT_PATH REQUIRED)
endif()
if(P2P_TESTS)
  find_package(GTest 1.12 REQUIRED)
else()
  find_package(GTest 1.12 QUIET)  # for p2p_kafka_contract
endif()
