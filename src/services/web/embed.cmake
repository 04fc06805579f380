# cmake -D OUT=... -P embed.cmake FILE...: writes a C++ file with the bytes, content types and ETags of the files.

set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_svg "image/svg+xml")
set(type_json "application/json")

math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE 5 ${last})
  set(path ${CMAKE_ARGV${i}})
  cmake_path(GET path FILENAME name)
  string(REGEX MATCH "[a-z]+$" extension ${name})
  if(NOT DEFINED type_${extension})
    message(FATAL_ERROR "${path}: no content type is known for its extension; add one to embed.cmake")
  endif()
  file(READ ${path} bytes HEX)
  file(SHA256 ${path} hash)
  string(SUBSTRING ${hash} 0 32 tag)
  string(LENGTH "${bytes}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
  # Compilers need not accept a string literal of more than 65,536 characters.
  if(size GREATER 65536)
    message(FATAL_ERROR "${path} has more than 64 KiB; split it")
  endif()
  string(APPEND rows "    NamedFile{\"${name}\", {\"${type_${extension}}\", std::string_view(\"${bytes}\", ${size}), \"\\\"${tag}\\\"\"}},\n")
endforeach()

file(WRITE ${OUT} "#include <array>

#include \"services/web/files.hpp\"

namespace p2p::web {
namespace {

constexpr std::array kFiles{
${rows}};

}  // namespace

std::span<const NamedFile> files() { return kFiles; }

}  // namespace p2p::web
")
