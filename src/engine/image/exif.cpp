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

  bool is_valid() const { return bytes_.size() >= 8 && (big_ || bytes_[0] == 'I') && bytes_[1] == bytes_[0] && u16(2) == 42; }
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

int exif_orientation(std::span<const std::uint8_t> exif) {
  constexpr std::uint32_t kOrientation = 0x0112;
  constexpr std::uint32_t kShort = 3;
  constexpr std::uint32_t kLong = 4;                        // of some editors; Pillow takes it too
  while (is_exif(exif)) exif = exif.subspan(kName.size());  // some programs write the name twice
  const Tiff tiff(exif);
  if (!tiff.is_valid()) return kUpright;
  const std::size_t directory = tiff.u32(4);
  const std::size_t entries = tiff.u16(directory);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    const std::uint32_t type = tiff.u16(entry + 2);
    if (tiff.u16(entry) != kOrientation || (type != kShort && type != kLong)) continue;
    const std::uint32_t value = type == kShort ? tiff.u16(entry + 8) : tiff.u32(entry + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : kUpright;
  }
  return kUpright;
}

std::span<const std::uint8_t> exif_user_comment(std::span<const std::uint8_t> exif) {
  constexpr std::uint32_t kExifDirectory = 0x8769;
  constexpr std::uint32_t kUserComment = 0x9286;
  constexpr std::size_t kEntry = 12;
  const auto bytes = is_exif(exif) ? exif.subspan(kName.size()) : exif;
  const Tiff tiff(bytes);
  const auto entry_of = [&](std::size_t directory, std::uint32_t tag) -> std::size_t {
    const std::size_t entries = std::min<std::size_t>(tiff.u16(directory), bytes.size() / kEntry);
    for (std::size_t entry = directory + 2; entry < directory + 2 + kEntry * entries; entry += kEntry) {
      if (tiff.u16(entry) == tag) return entry;
    }
    return 0;
  };
  const std::size_t pointer = entry_of(tiff.u32(4), kExifDirectory);
  const std::size_t comment = pointer > 0 ? entry_of(tiff.u32(pointer + 8), kUserComment) : 0;
  if (comment == 0) return {};
  const std::size_t size = tiff.u32(comment + 4);
  const std::size_t at = tiff.u32(comment + 8);
  if (at > bytes.size() || size > bytes.size() - at) return {};
  return bytes.subspan(at, size);
}

std::vector<std::uint8_t> exif_comment(std::u16string_view text) {
  constexpr std::uint32_t kExifDirectory = 0x8769;
  constexpr std::uint32_t kUserComment = 0x9286;
  constexpr std::uint32_t kLong = 4;
  constexpr std::uint32_t kUndefined = 7;
  constexpr std::uint32_t kHeader = 8;
  constexpr std::uint32_t kDirectory = 18;  // with one entry
  constexpr std::string_view kCode{"UNICODE\0", 8};
  std::vector<std::uint8_t> bytes{'M', 'M', 0, 42};
  const auto put = [&bytes](std::uint32_t value, unsigned size) {
    while (size-- > 0) bytes.push_back(static_cast<std::uint8_t>(value >> 8u * size));
  };
  const auto put_directory = [&put](std::uint32_t tag, std::uint32_t type, std::uint32_t count, std::uint32_t value) {
    put(1, 2);
    put(tag, 2);
    put(type, 2);
    put(count, 4);
    put(value, 4);
    put(0, 4);  // no directory follows
  };
  put(kHeader, 4);
  put_directory(kExifDirectory, kLong, 1, kHeader + kDirectory);
  put_directory(kUserComment, kUndefined, static_cast<std::uint32_t>(kCode.size() + 2 * text.size()), kHeader + 2 * kDirectory);
  bytes.insert(bytes.end(), kCode.begin(), kCode.end());
  for (const char16_t unit : text) put(unit, 2);
  return bytes;
}

std::vector<std::uint8_t> exif_segment(std::u16string_view text) {
  if (text.empty()) return {};
  std::vector<std::uint8_t> segment = exif_comment(text);
  segment.insert(segment.begin(), kName.begin(), kName.end());
  return segment;
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
