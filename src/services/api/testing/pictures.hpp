#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Pictures for tests: headers and ends, without pixels.
namespace p2p::api {

inline std::string big_endian(std::uint32_t value, unsigned bytes) {
  std::string text;
  while (bytes-- > 0) text += static_cast<char>(value >> 8u * bytes & 255u);
  return text;
}

inline std::string chunk(std::string_view type, const std::string& content) {
  return big_endian(static_cast<std::uint32_t>(content.size()), 4) + std::string(type) + content + "crc.";
}

inline std::string png_of(std::uint32_t width, std::uint32_t height, const std::string& chunks = chunk("IDAT", "pixels")) {
  const std::string header = big_endian(width, 4) + big_endian(height, 4) + std::string("\x08\x02\0\0\0", 5);
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + chunks + std::string("\0\0\0\0IEND\xae\x42\x60\x82", 12);
}

inline std::string segment(unsigned char marker, const std::string& content) {
  return "\xff" + std::string(1, static_cast<char>(marker)) + big_endian(static_cast<std::uint32_t>(content.size()) + 2, 2) + content;
}

inline std::string frame(std::uint32_t width, std::uint32_t height, unsigned char components = 3) {
  return segment(0xc0,
                 "\x08" + big_endian(height, 2) + big_endian(width, 2) + std::string(1, static_cast<char>(components)) + "components");
}

inline std::string jpeg_of(std::uint32_t width, std::uint32_t height) {
  return "\xff\xd8" + segment(0xe1, "Exif with a thumbnail \xff\xd9") + frame(width, height) + segment(0xda, "scan") + "pixels\xff\xd9";
}

/// A WebP with the chunk VP8X, whose flags say that it is plain, and another one.
inline std::string webp_of(std::uint32_t width, std::uint32_t height) {
  const auto little = [](std::uint32_t value, unsigned bytes) {
    std::string text = big_endian(value, bytes);
    return std::string(text.rbegin(), text.rend());
  };
  const std::string header = "VP8X" + little(10, 4) + std::string(4, '\0') + little(width - 1, 3) + little(height - 1, 3);
  const std::string rest = "WEBP" + header + "VP8 " + little(6, 4) + "pixels";
  return "RIFF" + little(static_cast<std::uint32_t>(rest.size()), 4) + rest;
}

}  // namespace p2p::api
