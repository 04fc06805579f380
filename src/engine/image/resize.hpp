#pragma once

#include <cstdint>

#include "engine/image/image.hpp"

namespace p2p::engine {

enum class ResizeFilter : std::uint8_t { bicubic, lanczos };

/// `image` at width x height pixels, equal to what Image.resize() of Pillow 13 makes of it, to the last bit. Throws Error for a picture
/// whose bytes do not fit its sides, and for sides that are not positive.
Image resize(const Image& image, int width, int height, ResizeFilter filter);

}  // namespace p2p::engine
