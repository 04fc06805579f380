#include <gtest/gtest.h>
#include <png.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.hpp"
#include "engine/image/image.hpp"

namespace p2p::engine {
namespace {

struct Decoded {
  std::vector<std::uint8_t> rgb;
  std::string key;
  std::string text;
  int compression = 0;
};

/// Reads with libpng what libpng wrote; a failure aborts the test program, as libpng does by itself.
Decoded decode(const std::vector<std::uint8_t>& bytes) {
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  std::span<const std::uint8_t> rest(bytes);
  png_set_read_fn(png, &rest, [](png_structp reader, png_bytep data, std::size_t size) {
    auto& from = *static_cast<std::span<const std::uint8_t>*>(png_get_io_ptr(reader));
    if (size > from.size()) png_error(reader, "too short");
    std::memcpy(data, from.data(), size);
    from = from.subspan(size);
  });
  png_read_png(png, info, PNG_TRANSFORM_IDENTITY, nullptr);
  EXPECT_EQ(png_get_bit_depth(png, info), 8);
  EXPECT_EQ(png_get_color_type(png, info), PNG_COLOR_TYPE_RGB);
  Decoded result;
  for (png_uint_32 y = 0; y < png_get_image_height(png, info); ++y) {
    const png_bytep row = png_get_rows(png, info)[y];
    result.rgb.insert(result.rgb.end(), row, row + std::size_t{3} * png_get_image_width(png, info));
  }
  png_textp text = nullptr;
  if (png_get_text(png, info, &text, nullptr) == 1) {
    result.key = text->key;
    result.text = text->text;
    result.compression = text->compression;
  }
  png_destroy_read_struct(&png, &info, nullptr);
  return result;
}

Image gradient(int width, int height) {
  Image image{.width = width, .height = height, .rgb = {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (const int value : {x * 3, y * 5, x * y}) image.rgb.push_back(static_cast<std::uint8_t>(value));
  return image;
}

TEST(Png, KeepsPixelsAndLatin1Text) {
  const Image image = gradient(37, 21);
  const Decoded decoded = decode(encode_png(image, "a caf\u00e9\nSteps: 20, Size: 37x21"));
  EXPECT_EQ(decoded.rgb, image.rgb);
  EXPECT_EQ(decoded.key, "parameters");
  EXPECT_EQ(decoded.text, "a caf\xE9\nSteps: 20, Size: 37x21");
  EXPECT_EQ(decoded.compression, PNG_TEXT_COMPRESSION_NONE);
}

TEST(Png, KeepsOtherTextAsUtf8) {
  const std::string text = "лиса 🦊\nSteps: 20";
  const Decoded decoded = decode(encode_png(gradient(1, 1), text));
  EXPECT_EQ(decoded.text, text);
  EXPECT_EQ(decoded.key, "parameters");
  EXPECT_EQ(decoded.compression, PNG_ITXT_COMPRESSION_NONE);
}

TEST(Png, TextThatIsNoTextStaysReadable) {
  EXPECT_EQ(decode(encode_png(gradient(2, 2), std::string("a\0b", 3))).text, "ab");
  EXPECT_EQ(decode(encode_png(gradient(2, 2), "a\xFF")).text, "a\uFFFD");
  EXPECT_EQ(decode(encode_png(gradient(2, 2), "")).key, "");
}

TEST(Png, RefusesSizesThatDoNotFit) {
  EXPECT_THROW(encode_png(Image{}, ""), Error);
  EXPECT_THROW(encode_png(Image{.width = -1, .height = -1, .rgb = {1, 2, 3}}, ""), Error);
  EXPECT_THROW(encode_png(Image{.width = 2, .height = 2, .rgb = std::vector<std::uint8_t>(11)}, ""), Error);
  // More than libpng takes: its own refusal arrives as an Error too.
  EXPECT_THROW(encode_png(Image{.width = 1'000'001, .height = 1, .rgb = std::vector<std::uint8_t>(3'000'003)}, ""), Error);
}

TEST(Image, RoundsClampsAndKeepsChannelsApart) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float infinity = std::numeric_limits<float>::infinity();
  // Half goes to the even neighbour: 0.5 to 0, 1.5 to 2, 2.5 to 2.
  const std::vector<float> planes{0.5F / 255, 1.5F / 255, 2.5F / 255, 1.0F, -1.0F, 2.0F, nan, infinity, -infinity, 0.25F, 0.75F, 0.0F};
  const Image image = image_from_planes(planes, 2, 2);
  EXPECT_EQ(image.rgb, (std::vector<std::uint8_t>{0, 0, 0, 2, 255, 64, 2, 0, 191, 255, 255, 0}));
  EXPECT_THROW(image_from_planes(planes, 2, 3), Error);
  EXPECT_THROW(image_from_planes(planes, -2, -2), Error);
  EXPECT_THROW(image_from_planes({}, 0, 0), Error);
}

}  // namespace
}  // namespace p2p::engine
