// Input: a file that a client sends as a picture. Result: an error, or its size, which is that of the picture that the engine decodes.

#include "engine/image/read_image.hpp"
#include "fuzz/check.hpp"
#include "services/api/input_picture.hpp"
#include "services/api/openai.hpp"

using fuzz::check;
using namespace p2p;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr int kMostPixels = 1 << 20;  // decoding more takes long
  const std::string_view bytes = fuzz::text_of(data, size);
  try {
    const api::InputPicture picture = api::read_picture(bytes);
    check(bytes.starts_with(picture.bytes) && !picture.empty());
    check(picture.width >= 1 && picture.width <= engine::kMaxImageSide && picture.height >= 1 && picture.height <= engine::kMaxImageSide);
    check(picture.extension != "png" || picture.bytes.ends_with("IEND\xae\x42\x60\x82"));
    if (picture.width * picture.height > kMostPixels) return 0;
    const engine::Image image = engine::decode_image({data, picture.bytes.size()}, "the picture");
    const bool is_turned = image.width == picture.height && image.height == picture.width;  // by its Exif orientation
    check(is_turned || (image.width == picture.width && image.height == picture.height));
  } catch (const api::ApiError& error) {
    check(error.status() == 400);
  } catch (const UsageError&) {  // the engine decodes more than the API looks at
  }
  return 0;
}
