#include <unicode/unistr.h>

#include "base/error.hpp"
#include "engine/image/encode.hpp"

namespace p2p::engine {

void check_size(const Image& image, const std::string& format, int most) {
  const std::string size = std::to_string(image.width) + "x" + std::to_string(image.height);
  if (image.width <= 0 || image.height <= 0 ||
      image.rgb.size() != 3 * static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height))
    throw Error(format + ": " + std::to_string(image.rgb.size()) + " bytes are not an RGB picture of " + size);
  if (image.width > most || image.height > most)
    throw UsageError(format + " holds at most " + std::to_string(most) + " pixels a side, and the picture has " + size + "; choose PNG");
}

std::u16string to_utf16(const std::string& text) {
  icu::UnicodeString unicode = icu::UnicodeString::fromUTF8(text);
  unicode.findAndReplace(icu::UnicodeString(UChar{0}), icu::UnicodeString());
  return {unicode.getBuffer(), static_cast<std::size_t>(unicode.length())};
}

std::optional<ImageFormat> image_format_named(std::string_view name) {
  if (name == "png") return ImageFormat::png;
  if (name == "jpeg" || name == "jpg") return ImageFormat::jpeg;
  if (name == "webp") return ImageFormat::webp;
  return std::nullopt;
}

std::vector<std::uint8_t> encode_image(const Image& image, ImageFormat format, const std::string& parameters, int quality) {
  if (format == ImageFormat::jpeg) return encode_jpeg(image, parameters, quality);
  if (format == ImageFormat::webp) return encode_webp(image, parameters, quality);
  return encode_png(image, parameters);
}

}  // namespace p2p::engine
