// Input: a picture. Result: an image of the stated size that survives encoding and decoding, or a UsageError.

#include <string_view>

#include "base/error.hpp"
#include "engine/image/read_image.hpp"
#include "fuzz/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace p2p::engine;
  try {
    std::vector<p2p::Sentence> notices;
    const Image image = decode_image({data, size}, "x", &notices);
    fuzz::check(notices.size() <= 3);
    fuzz::check(image.width > 0 && image.width <= kMaxImageSide && image.height > 0 && image.height <= kMaxImageSide);
    fuzz::check(image.rgb.size() == std::size_t{3} * static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height));
    if (image.rgb.size() < 1'000'000) fuzz::check(decode_image(encode_png(image, ""), "x").rgb == image.rgb);
  } catch (const p2p::UsageError& error) {
    fuzz::check(std::string_view(error.what()).size() < 4096);
  }
  return 0;
}
