#pragma once

#include <string_view>

namespace p2p::api {

/// A picture that a client sent, to begin a drawing with. Refers to its bytes.
struct InputPicture {
  std::string_view bytes;
  std::string_view extension;  ///< png, jpeg or webp
  int width = 0;               ///< px, before a rotation by Exif
  int height = 0;              ///< px

  bool empty() const { return bytes.empty(); }
  std::string_view media_type() const { return extension == "png" ? "image/png" : extension == "webp" ? "image/webp" : "image/jpeg"; }
};

/// Checks a picture by its signature and headers, without decoding it: a PNG, JPEG or WebP of 1 to 8192 pixels a side, with its end. What
/// follows the end of a PNG or WebP is left out. Takes linear time and no memory. Throws ApiError that says what it is.
InputPicture read_picture(std::string_view bytes);

}  // namespace p2p::api
