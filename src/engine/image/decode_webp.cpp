#include <webp/decode.h>
#include <webp/mux.h>

#include <memory>

#include "engine/image/decode.hpp"
#include "engine/image/exif.hpp"

namespace p2p::engine {
namespace {

using WebpFile = std::unique_ptr<WebPMux, decltype(&WebPMuxDelete)>;

std::string webp_problem(VP8StatusCode status) {
  if (status == VP8_STATUS_NOT_ENOUGH_DATA) return "a damaged WebP: the file ends too early";
  if (status == VP8_STATUS_OUT_OF_MEMORY) return "a WebP for which there is not enough memory";
  return "a damaged WebP";
}

WebPBitstreamFeatures features_of(std::span<const std::uint8_t> bytes) {
  WebPBitstreamFeatures features{};
  const VP8StatusCode status = WebPGetFeatures(bytes.data(), bytes.size(), &features);
  if (status != VP8_STATUS_OK) throw UsageError(webp_problem(status));
  return features;
}

/// Decodes a still picture into `image`, which has `channels` bytes for each pixel, with its left upper corner at x, y. Throws UsageError
/// if it does not fit.
void decode_into(Image& image, std::size_t channels, std::span<const std::uint8_t> bytes, std::size_t x, std::size_t y) {
  const auto width = static_cast<std::size_t>(image.width);
  const auto height = static_cast<std::size_t>(image.height);
  const WebPBitstreamFeatures features = features_of(bytes);
  if (x > width || static_cast<std::size_t>(features.width) > width - x || y > height ||
      static_cast<std::size_t>(features.height) > height - y)
    throw UsageError("a damaged WebP: a frame lies outside of the picture");
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) throw Error("libwebp has another version than the one that this program was built with");
  const std::size_t begin = (y * width + x) * channels;
  config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = image.rgb.data() + begin;
  config.output.u.RGBA.stride = static_cast<int>(width * channels);
  config.output.u.RGBA.size = image.rgb.size() - begin;
  const VP8StatusCode status = WebPDecode(bytes.data(), bytes.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (status != VP8_STATUS_OK) throw UsageError(webp_problem(status));
}

/// The first frame of an animation on an empty canvas of its size.
void decode_first_frame(Image& image, const WebPMux* file) {
  constexpr std::size_t kChannels = 4;
  WebPMuxFrameInfo frame{};
  if (file == nullptr || WebPMuxGetFrame(file, 1, &frame) != WEBP_MUX_OK) throw UsageError("a damaged WebP: the animation has no frame");
  const std::unique_ptr<WebPData, decltype(&WebPDataClear)> owned(&frame.bitstream, WebPDataClear);
  decode_into(image, kChannels, {frame.bitstream.bytes, frame.bitstream.size}, static_cast<std::size_t>(frame.x_offset),
              static_cast<std::size_t>(frame.y_offset));
}

int orientation_of(const WebPMux* file) {
  WebPData exif{};  // it stays the file's
  if (file == nullptr || WebPMuxGetChunk(file, "EXIF", &exif) != WEBP_MUX_OK) return 1;
  return exif_orientation({exif.bytes, exif.size});
}

}  // namespace

bool is_webp(std::span<const std::uint8_t> bytes) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 12));
  return head.size() == 12 && head.starts_with("RIFF") && head.ends_with("WEBP");
}

DecodedImage decode_webp(std::span<const std::uint8_t> bytes) {
  const WebPBitstreamFeatures features = features_of(bytes);
  const bool animated = features.has_animation != 0;
  const std::size_t channels = animated || features.has_alpha != 0 ? 4 : 3;
  DecodedImage decoded{.image = empty_image(static_cast<std::size_t>(features.width), static_cast<std::size_t>(features.height), channels),
                       .animated = animated};
  const WebPData data{bytes.data(), bytes.size()};
  const WebpFile file(WebPMuxCreate(&data, 0), WebPMuxDelete);  // empty for some files that can still be decoded
  decoded.orientation = orientation_of(file.get());
  if (animated)
    decode_first_frame(decoded.image, file.get());
  else
    decode_into(decoded.image, channels, bytes, 0, 0);
  if (channels == 4) decoded.transparent = drop_alpha(decoded.image);
  return decoded;
}

}  // namespace p2p::engine
