#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/sentence.hpp"
#include "engine/image/image.hpp"

namespace p2p::engine {

constexpr int kMaxImageSide = 8192;                             ///< px
constexpr std::size_t kMaxImageBytes = std::size_t{256} << 20;  ///< of a file

/// Decodes a PNG, JPEG or WebP, of an animation the first picture, as diffusers' load_image() does: photos are turned by their Exif
/// orientation; grey, palettes and CMYK become RGB and transparency is dropped like in Pillow's convert("RGB"). 16 bits are cut to the
/// upper
/// 8. Adds to `notices` what the file has and the image lacks. `name` appears in errors. Throws UsageError for other or broken files and
/// for a side above kMaxImageSide, which is checked before memory for the pixels is allocated.
Image decode_image(std::span<const std::uint8_t> bytes, const std::string& name, std::vector<Sentence>* notices = nullptr);

/// Decodes a file; see decode_image(). Throws UsageError, also for a file that cannot be read or is larger than kMaxImageBytes.
Image read_image(const std::filesystem::path& file, std::vector<Sentence>* notices = nullptr);

}  // namespace p2p::engine
