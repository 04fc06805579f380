#pragma once

#include <optional>
#include <string_view>

namespace p2p::web {

/// A file of the web page, compiled into the program. The views are valid until the program ends.
struct File {
  std::string_view content_type;
  std::string_view bytes;
  std::string_view etag;  ///< strong, with its quotes; changes with the bytes
};

/// The file served at the path of a URL (without query): "/" is the page, "/docs" the documentation of the API, "/openapi.json" its
/// description, "/page/NAME" their scripts,
/// styles and icons. Nothing for any other path. Thread-safe.
std::optional<File> find(std::string_view path);

}  // namespace p2p::web
