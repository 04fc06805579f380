#include "engine/image/resize.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "engine/testing/golden.hpp"
#include "engine/testing/picture.hpp"

namespace p2p::engine {
namespace {

TEST(ImageResize, EqualsPillowToTheLastBit) {
  for (const Json& row : read_json(golden::file("image/resize.json"))) {
    const std::string file = row.at("file");
    const Image expected = golden::read_png(golden::file("image/" + file));
    const Image source = golden::read_png(golden::file("image/" + row.at("source").get<std::string>()));
    const auto filter = row.at("filter") == "bicubic" ? ResizeFilter::bicubic : ResizeFilter::lanczos;
    EXPECT_EQ(resize(source, expected.width, expected.height, filter).rgb, expected.rgb) << file;
  }
}

TEST(ImageResize, RefusesSidesThatAreNone) {
  const Image image{.width = 1, .height = 1, .rgb = {1, 2, 3}};
  EXPECT_THROW(resize(image, 0, 1, ResizeFilter::lanczos), Error);
  EXPECT_THROW(resize(image, 1, -1, ResizeFilter::lanczos), Error);
  EXPECT_THROW(resize(Image{.width = 2, .height = 1, .rgb = {1, 2, 3}}, 1, 1, ResizeFilter::lanczos), Error);
}

}  // namespace
}  // namespace p2p::engine
