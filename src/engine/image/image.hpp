#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace p2p::engine {

/// A picture: 8-bit RGB, rows from the top, no padding. Owns its bytes.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;  ///< height x width x 3
};

/// `planes` is [3, height, width] f32 in 0..1 (clamped), rounded as numpy's (x * 255).round() does.
Image image_from_planes(std::span<const float> planes, int width, int height);

/// The bytes of a PNG with `parameters` (UTF-8) in its text chunk `parameters`, which existing tools read. Throws Error.
std::vector<std::uint8_t> encode_png(const Image& image, const std::string& parameters);

}  // namespace p2p::engine
