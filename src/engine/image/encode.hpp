#pragma once

#include <climits>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/image/image.hpp"

/// Encoders for the formats of encode_image(), and what they share.
namespace p2p::engine {

/// Throws Error if the bytes are not those of the size, and UsageError for a side above `most`, which `format` cannot hold.
void check_size(const Image& image, const std::string& format, int most = INT_MAX);

/// `text` without zeros, which no format holds. What is not UTF-8 becomes U+FFFD.
std::u16string to_utf16(const std::string& text);

std::vector<std::uint8_t> encode_jpeg(const Image& image, const std::string& parameters, int quality);
std::vector<std::uint8_t> encode_webp(const Image& image, const std::string& parameters, int quality);

}  // namespace p2p::engine
