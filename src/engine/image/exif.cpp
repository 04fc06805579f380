#include "engine/image/exif.hpp"

#include <algorithm>
#include <string_view>

namespace p2p::engine {
namespace {

constexpr std::string_view kName{"Exif\0\0", 6};
constexpr int kUpright = 1;

/// Numbers of a TIFF header and the data after it, in the byte order of the header; 0 beyond the end.
class Tiff {
 public:
  explicit Tiff(std::span<const std::uint8_t> bytes) : bytes_(bytes), big_(byte(0) == 'M') {}

  std::uint32_t u16(std::size_t at) const { return big_ ? byte(at) << 8u | byte(at + 1) : byte(at + 1) << 8u | byte(at); }
  std::uint32_t u32(std::size_t at) const { return big_ ? u16(at) << 16u | u16(at + 2) : u16(at + 2) << 16u | u16(at); }

 private:
  std::uint32_t byte(std::size_t at) const { return at < bytes_.size() ? bytes_[at] : 0; }

  std::span<const std::uint8_t> bytes_;
  bool big_;
};

}  // namespace

bool is_exif(std::span<const std::uint8_t> segment) {
  return segment.size() >= kName.size() && std::equal(kName.begin(), kName.end(), segment.begin());
}

int exif_orientation(std::span<const std::uint8_t> segment) {
  constexpr std::uint32_t kOrientation = 0x0112;
  constexpr std::uint32_t kShort = 3;
  if (!is_exif(segment)) return kUpright;
  const Tiff tiff(segment.subspan(kName.size()));
  const std::size_t directory = tiff.u32(4);
  const std::size_t entries = tiff.u16(directory);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    if (tiff.u16(entry) != kOrientation || tiff.u16(entry + 2) != kShort) continue;
    const auto value = static_cast<int>(tiff.u16(entry + 8));
    return value >= 1 && value <= 8 ? value : kUpright;
  }
  return kUpright;
}

Image turned(Image image, int orientation) {
  if (orientation == kUpright) return image;
  const int width = image.width;
  const int height = image.height;
  const bool lying = orientation >= 5;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image result{.width = lying ? height : width, .height = lying ? width : height, .rgb = std::vector<std::uint8_t>(image.rgb.size())};
  auto out = result.rgb.begin();
  for (int y = 0; y < result.height; ++y) {
    for (int x = 0; x < result.width; ++x) {
      const int column = lying ? y : x;
      const int row = lying ? x : y;
      const auto at =
          static_cast<std::ptrdiff_t>(from_bottom ? height - 1 - row : row) * width + (from_right ? width - 1 - column : column);
      out = std::copy_n(image.rgb.begin() + 3 * at, 3, out);
    }
  }
  return result;
}

}  // namespace p2p::engine
