#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "engine/image/image.hpp"

namespace p2p::engine {

constexpr int kMaxImageSide = 8192;                             ///< px
constexpr std::size_t kMaxImageBytes = std::size_t{256} << 20;  ///< of a file

/// The picture in the bytes of a PNG or a JPEG: grey and palettes become RGB, transparency is dropped as Pillow's convert("RGB") does, of
/// 16 bits the upper 8 are taken, and a photo is turned as its Exif says. `name` stands in errors. Throws UsageError for what is neither,
/// broken, in CMYK, or has a side above kMaxImageSide, which is found before memory for the pixels is taken.
Image decode_image(std::span<const std::uint8_t> bytes, const std::string& name);

/// The picture in a file, see decode_image(). Throws UsageError, also for a file that cannot be read or is larger than kMaxImageBytes.
Image read_image(const std::filesystem::path& file);

}  // namespace p2p::engine
