#include <webp/encode.h>
#include <webp/mux.h>

#include <memory>
#include <span>

#include "base/error.hpp"
#include "engine/image/encode.hpp"
#include "engine/image/exif.hpp"

namespace p2p::engine {
namespace {

/// Bytes that libwebp allocated.
struct WebpBytes {
  WebPData data{};

  WebpBytes() = default;
  ~WebpBytes() { WebPDataClear(&data); }
  WebpBytes(const WebpBytes&) = delete;
  WebpBytes& operator=(const WebpBytes&) = delete;

  std::vector<std::uint8_t> copy() const { return {data.bytes, data.bytes + data.size}; }
};

}  // namespace

std::vector<std::uint8_t> encode_webp(const Image& image, const std::string& parameters, int quality) {
  check_size(image, "WebP", WEBP_MAX_DIMENSION);
  WebpBytes picture;
  std::uint8_t* bytes = nullptr;
  picture.data.size = WebPEncodeRGB(image.rgb.data(), image.width, image.height, 3 * image.width, static_cast<float>(quality), &bytes);
  picture.data.bytes = bytes;
  if (picture.data.size == 0) throw Error("WebP: libwebp could not encode the picture, probably for lack of memory");
  const std::u16string text = to_utf16(parameters);
  if (text.empty()) return picture.copy();

  const std::vector<std::uint8_t> exif = exif_comment(text);
  const WebPData chunk{exif.data(), exif.size()};
  WebpBytes file;
  const std::unique_ptr<WebPMux, decltype(&WebPMuxDelete)> mux(WebPMuxCreate(&picture.data, 0), WebPMuxDelete);
  if (!mux || WebPMuxSetChunk(mux.get(), "EXIF", &chunk, 0) != WEBP_MUX_OK || WebPMuxAssemble(mux.get(), &file.data) != WEBP_MUX_OK)
    throw Error("WebP: libwebp could not add the parameters, probably for lack of memory");
  return file.copy();
}

}  // namespace p2p::engine
