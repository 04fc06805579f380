#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
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

/// File formats that pictures are written in.
enum class ImageFormat { png, jpeg, webp };

/// The format with that name, or with that file extension without its dot: png, jpeg, jpg, webp. nullopt for others.
std::optional<ImageFormat> image_format_named(std::string_view name);

constexpr int kBestQuality = 100;

/// The bytes of a file. A PNG has `parameters` (UTF-8) as encode_png() writes them; a JPEG or WebP in Exif's UserComment, as AUTOMATIC1111
/// does, except that a JPEG without room for them (more than 32,737 UTF-16 units) has none. `quality`, 0 (smallest file) to kBestQuality,
/// is that of JPEG and of lossy WebP; PNG is lossless. Throws UsageError for a side that the format cannot hold (JPEG 65,500 px, WebP
/// 16,383 px), otherwise Error.
std::vector<std::uint8_t> encode_image(const Image& image, ImageFormat format, const std::string& parameters, int quality = kBestQuality);

/// The bytes of a PNG with `parameters` (UTF-8) in its text chunk `parameters`, which existing tools read. Throws Error.
std::vector<std::uint8_t> encode_png(const Image& image, const std::string& parameters);

}  // namespace p2p::engine
