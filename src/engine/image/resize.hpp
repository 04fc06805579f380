#pragma once

#include <cstdint>

#include "engine/image/image.hpp"

namespace p2p::engine {

enum class ResizeFilter : std::uint8_t { bicubic, lanczos };

/// `image` at width x height pixels, bit-identical to Image.resize() of Pillow 13. Throws Error if the number of
/// bytes does not match the size of the picture, and for sides that are not positive.
Image resize(const Image& image, int width, int height, ResizeFilter filter);

}  // namespace p2p::engine
