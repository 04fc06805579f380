#include "engine/image/read_image.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/file_kind.hpp"
#include "engine/image/decode.hpp"
#include "engine/image/exif.hpp"

namespace p2p::engine {
namespace {

/// What is said about the file.
std::vector<Sentence> notices_of(const DecodedImage& decoded) {
  std::vector<Sentence> notices;
  if (decoded.transparent) {
    notices.push_back(sentence("transparency_dropped",
                               "the picture to begin with has transparent parts, which are taken as opaque, in the colours that the file "
                               "has there; for another background flatten it first"));
  }
  if (decoded.animated)
    notices.push_back(sentence("first_of_animation", "the picture to begin with is an animation, of which the first picture is used"));
  if (decoded.cmyk)
    notices.push_back(sentence("cmyk_converted",
                               "the picture to begin with is in CMYK and was converted to RGB without its colour profile, so colours may "
                               "differ"));
  return notices;
}

DecodedImage decode_any(std::span<const std::uint8_t> bytes) {
  if (is_png(bytes)) return decode_png(bytes);
  if (is_jpeg(bytes)) return decode_jpeg(bytes);
  if (is_webp(bytes)) return decode_webp(bytes);
  throw UsageError(wrong_content({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, kExpectedPicture));
}

}  // namespace

Image empty_image(std::size_t width, std::size_t height, std::size_t channels) {
  constexpr std::size_t kMost = kMaxImageSide;
  if (width - 1 >= kMost || height - 1 >= kMost)
    throw UsageError("expected at most " + std::to_string(kMost) + " pixels a side, found " + std::to_string(width) + "x" +
                     std::to_string(height));
  return {
      .width = static_cast<int>(width), .height = static_cast<int>(height), .rgb = std::vector<std::uint8_t>(channels * width * height)};
}

std::vector<std::uint8_t*> rows_of(Image& image) {
  std::vector<std::uint8_t*> rows;
  const std::size_t row = image.rgb.size() / static_cast<std::size_t>(image.height);
  for (std::size_t at = 0; at < image.rgb.size(); at += row) rows.push_back(image.rgb.data() + at);
  return rows;
}

bool drop_alpha(Image& image) {
  bool transparent = false;
  std::size_t to = 0;
  for (std::size_t from = 0; from < image.rgb.size(); from += 4, to += 3) {
    for (std::size_t channel = 0; channel < 3; ++channel) image.rgb[to + channel] = image.rgb[from + channel];
    transparent |= image.rgb[from + 3] != 255;
  }
  image.rgb.resize(to);
  return transparent;
}

Image decode_image(std::span<const std::uint8_t> bytes, const std::string& name, std::vector<Sentence>* notices) try {
  DecodedImage decoded = decode_any(bytes);
  if (notices) std::ranges::move(notices_of(decoded), std::back_inserter(*notices));
  return turned(std::move(decoded.image), decoded.orientation);
} catch (const UsageError& error) {
  throw UsageError(name + ": " + error.what());
}

Image read_image(const std::filesystem::path& file, std::vector<Sentence>* notices) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error || !std::filesystem::is_regular_file(file, error)) throw UsageError(wrong_file(file, kExpectedPicture));
  if (size > kMaxImageBytes)
    throw UsageError(file.string() + ": expected a picture of at most " + std::to_string(kMaxImageBytes >> 20) + " MiB, found " +
                     std::to_string(size >> 20) + " MiB");
  std::vector<std::uint8_t> bytes(size);
  std::ifstream stream(file, std::ios::binary);
  if (!stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size)))
    throw UsageError(wrong_file(file, kExpectedPicture));
  return decode_image(bytes, file.string(), notices);
}

}  // namespace p2p::engine
