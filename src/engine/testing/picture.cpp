#include "engine/testing/picture.hpp"

#include <png.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.hpp"

namespace p2p::engine::golden {

Image read_png(const std::filesystem::path& path) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_file(&png, path.c_str()) == 0) throw Error(path.string() + ": " + png.message);
  png.format = PNG_FORMAT_RGB;
  Image image{.width = static_cast<int>(png.width), .height = static_cast<int>(png.height), .rgb = {}};
  image.rgb.resize(PNG_IMAGE_SIZE(png));
  if (png_image_finish_read(&png, nullptr, image.rgb.data(), 0, nullptr) == 0) throw Error(path.string() + ": " + png.message);
  return image;
}

testing::AssertionResult same_picture(const Image& found, const Image& expected) {
  if (found.width != expected.width || found.height != expected.height || found.rgb.size() != expected.rgb.size()) {
    return testing::AssertionFailure() << found.width << "x" << found.height << ", expected " << expected.width << "x" << expected.height;
  }
  int largest = 0;
  double sum = 0;
  for (std::size_t i = 0; i < found.rgb.size(); ++i) {
    const int difference = std::abs(found.rgb[i] - expected.rgb[i]);
    largest = std::max(largest, difference);
    sum += difference;
  }
  const double mean = sum / static_cast<double>(found.rgb.size());
  if (largest <= 3 && mean <= 0.1) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "the largest difference is " << largest << ", the mean " << mean << " of 255";
}

}  // namespace p2p::engine::golden
