#include "engine/image/image.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace p2p::engine {
namespace {

/// Returns 0 for NaN too, because casting NaN is undefined.
std::uint8_t to_byte(float value) {
  if (!(value > 0.0F)) return 0;
  return static_cast<std::uint8_t>(std::nearbyint(std::min(value, 1.0F) * 255.0F));
}

}  // namespace

Image image_from_planes(std::span<const float> planes, int width, int height) {
  if (width <= 0 || height <= 0 || planes.size() % 3 != 0 ||
      planes.size() / 3 != static_cast<std::size_t>(width) * static_cast<std::size_t>(height))
    throw Error("image: " + std::to_string(planes.size()) + " values are not three planes of " + std::to_string(width) + "x" +
                std::to_string(height));
  const std::size_t plane = planes.size() / 3;
  Image image{.width = width, .height = height, .rgb = std::vector<std::uint8_t>(planes.size())};
  for (std::size_t i = 0; i < plane; ++i)
    for (std::size_t channel = 0; channel < 3; ++channel) image.rgb[3 * i + channel] = to_byte(planes[channel * plane + i]);
  return image;
}

}  // namespace p2p::engine
