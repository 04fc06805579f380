#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "engine/image/image.hpp"

/// Decoders for the formats of read_image.hpp. Each throws UsageError for malformed bytes.
namespace p2p::engine {

/// Black, of that size in pixels. Throws UsageError for a side of 0 or above kMaxImageSide.
Image empty_image(std::size_t width, std::size_t height);

/// Pointers to the rows of the image.
std::vector<std::uint8_t*> rows_of(Image& image);

bool is_png(std::span<const std::uint8_t> bytes);
Image decode_png(std::span<const std::uint8_t> bytes);

bool is_jpeg(std::span<const std::uint8_t> bytes);
/// Rotated by its Exif orientation.
Image decode_jpeg(std::span<const std::uint8_t> bytes);

}  // namespace p2p::engine
