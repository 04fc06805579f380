#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "engine/image/image.hpp"

/// Decoders for the formats of read_image.hpp. Each throws UsageError for malformed bytes.
namespace p2p::engine {

/// Pixels as they are in the file, and how to turn them.
struct DecodedImage {
  Image image;
  int orientation = 1;       ///< Exif's
  bool transparent = false;  ///< some pixels were not opaque
  bool animated = false;     ///< the image is the first of several
  bool cmyk = false;         ///< converted from CMYK
};

/// Zeros, of that size in pixels and `channels` bytes for each, 3 or 4. Throws UsageError for a side of 0 or above kMaxImageSide.
Image empty_image(std::size_t width, std::size_t height, std::size_t channels = 3);

/// Pointers to the rows of the image.
std::vector<std::uint8_t*> rows_of(Image& image);

/// Makes RGB of an image whose `rgb` has four bytes for each pixel, by dropping the fourth, as Pillow's convert("RGB") does. Returns
/// whether one of these was below 255.
bool drop_alpha(Image& image);

bool is_png(std::span<const std::uint8_t> bytes);
DecodedImage decode_png(std::span<const std::uint8_t> bytes);

bool is_jpeg(std::span<const std::uint8_t> bytes);
DecodedImage decode_jpeg(std::span<const std::uint8_t> bytes);

bool is_webp(std::span<const std::uint8_t> bytes);
DecodedImage decode_webp(std::span<const std::uint8_t> bytes);

}  // namespace p2p::engine
