#pragma once

#include <cstdint>
#include <span>

#include "engine/image/image.hpp"

namespace p2p::engine {

/// Whether a JPEG's segment APP1 holds Exif.
bool is_exif(std::span<const std::uint8_t> segment);

/// Exif's tag Orientation, 1 (as it is) to 8; 1 for any bytes that say nothing else.
int exif_orientation(std::span<const std::uint8_t> segment);

/// The image as people see it whose pixels lie in that orientation, as Pillow's exif_transpose().
Image turned(Image image, int orientation);

}  // namespace p2p::engine
