#include "engine/image/read_image.hpp"

#include <fstream>

#include "engine/image/decode.hpp"

namespace p2p::engine {

Image empty_image(std::size_t width, std::size_t height) {
  constexpr std::size_t kMost = kMaxImageSide;
  if (width - 1 >= kMost || height - 1 >= kMost)
    throw UsageError("expected at most " + std::to_string(kMost) + " pixels a side, found " + std::to_string(width) + "x" +
                     std::to_string(height));
  return {.width = static_cast<int>(width), .height = static_cast<int>(height), .rgb = std::vector<std::uint8_t>(3 * width * height)};
}

std::vector<std::uint8_t*> rows_of(Image& image) {
  std::vector<std::uint8_t*> rows;
  const std::size_t row = image.rgb.size() / static_cast<std::size_t>(image.height);
  for (std::size_t at = 0; at < image.rgb.size(); at += row) rows.push_back(image.rgb.data() + at);
  return rows;
}

Image decode_image(std::span<const std::uint8_t> bytes, const std::string& name) try {
  if (is_png(bytes)) return decode_png(bytes);
  if (is_jpeg(bytes)) return decode_jpeg(bytes);
  throw UsageError("expected a picture in PNG or JPEG");
} catch (const UsageError& error) {
  throw UsageError(name + ": " + error.what());
}

Image read_image(const std::filesystem::path& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) throw UsageError(file.string() + ": cannot be read: " + error.message());
  if (size > kMaxImageBytes)
    throw UsageError(file.string() + ": expected a picture of at most " + std::to_string(kMaxImageBytes >> 20) + " MiB, found " +
                     std::to_string(size >> 20) + " MiB");
  std::vector<std::uint8_t> bytes(size);
  std::ifstream stream(file, std::ios::binary);
  if (!stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size)))
    throw UsageError(file.string() + ": cannot be read");
  return decode_image(bytes, file.string());
}

}  // namespace p2p::engine
