#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <webp/decode.h>
#include <webp/mux.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.hpp"
#include "engine/image/exif.hpp"
#include "engine/image/image.hpp"
#include "engine/image/read_image.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Smooth, but with a pure red and a pure blue half, which are the colours that lossy formats keep worst.
Image picture(int width, int height) {
  Image image{.width = width, .height = height, .rgb = {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (const int value : {x < width / 2 ? 255 : 0, 255 * y / height, x < width / 2 ? 0 : 255})
        image.rgb.push_back(static_cast<std::uint8_t>(value));
  return image;
}

std::string text_of(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

/// By libwebp, and with what its container says.
Image decode_webp(const std::vector<std::uint8_t>& bytes) {
  Image image;
  std::uint8_t* const rgb = WebPDecodeRGB(bytes.data(), bytes.size(), &image.width, &image.height);
  EXPECT_NE(rgb, nullptr);
  if (rgb) image.rgb.assign(rgb, rgb + std::ptrdiff_t{3} * image.width * image.height);
  WebPFree(rgb);
  return image;
}

Image decode(const std::vector<std::uint8_t>& bytes, ImageFormat format) {
  return format == ImageFormat::webp ? decode_webp(bytes) : decode_image(bytes, "a");
}

double mean_difference(const Image& one, const Image& other) {
  EXPECT_EQ(std::pair(one.width, one.height), std::pair(other.width, other.height));
  EXPECT_EQ(one.rgb.size(), other.rgb.size());
  double sum = 0;
  for (std::size_t i = 0; i < std::min(one.rgb.size(), other.rgb.size()); ++i) sum += std::abs(one.rgb[i] - other.rgb[i]);
  return sum / static_cast<double>(one.rgb.size());
}

/// The text in Exif's UserComment as AUTOMATIC1111 writes it.
std::string comment(std::u16string_view text) {
  std::string bytes("UNICODE\0", 8);
  for (const char16_t unit : text) bytes += {static_cast<char>(unit >> 8u), static_cast<char>(unit & 255u)};
  return bytes;
}

TEST(EncodeImage, KeepsPictureAsFarAsQualityAllows) {
  const Image image = picture(75, 53);
  EXPECT_EQ(decode(encode_image(image, ImageFormat::png, "", 5), ImageFormat::png).rgb, image.rgb) << "PNG is lossless";
  for (const auto& [format, best, worst] : {std::tuple(ImageFormat::jpeg, 0.5, 30.0), std::tuple(ImageFormat::webp, 4.0, 30.0)}) {
    const auto fine = encode_image(image, format, "");
    const auto usual = encode_image(image, format, "", 80);
    const auto coarse = encode_image(image, format, "", 0);
    EXPECT_LT(mean_difference(decode(fine, format), image), best);
    EXPECT_LT(mean_difference(decode(coarse, format), image), worst);
    EXPECT_LT(usual.size(), fine.size());
    EXPECT_LT(coarse.size(), usual.size());
  }
  EXPECT_LT(mean_difference(decode(encode_image(picture(1, 1), ImageFormat::jpeg, ""), ImageFormat::jpeg), picture(1, 1)), 2);
  EXPECT_LT(mean_difference(decode(encode_image(picture(1, 1), ImageFormat::webp, ""), ImageFormat::webp), picture(1, 1)), 4);
}

TEST(EncodeImage, JpegCarriesTextInExif) {
  const Image image = picture(40, 30);
  const auto plain = encode_image(image, ImageFormat::jpeg, "");
  const auto bytes = encode_image(image, ImageFormat::jpeg, "лиса 🦊\nSteps: 20");
  EXPECT_THAT(text_of(bytes), HasSubstr(comment(u"лиса 🦊\nSteps: 20")));
  EXPECT_THAT(text_of(plain), Not(HasSubstr("Exif")));
  EXPECT_EQ(decode_image(bytes, "a").rgb, decode_image(plain, "a").rgb);
  EXPECT_THAT(text_of(encode_image(image, ImageFormat::jpeg, std::string("a\0b\xFF", 4))), HasSubstr(comment(u"ab\uFFFD")));

  EXPECT_THAT(text_of(encode_image(image, ImageFormat::jpeg, std::string(32'737, 'a'))), HasSubstr(comment(std::u16string(32'737, u'a'))));
  EXPECT_EQ(encode_image(image, ImageFormat::jpeg, std::string(32'738, 'a')), plain) << "a segment has no room for it";
}

TEST(EncodeImage, WebpCarriesTextInExif) {
  const Image image = picture(40, 30);
  const auto plain = encode_image(image, ImageFormat::webp, "");
  const std::string text = "лиса 🦊\nSteps: 20" + std::string(40'000, '.');
  const auto bytes = encode_image(image, ImageFormat::webp, text);
  EXPECT_EQ(decode_webp(bytes).rgb, decode_webp(plain).rgb);

  const WebPData file{bytes.data(), bytes.size()};
  WebPMux* const mux = WebPMuxCreate(&file, 0);
  ASSERT_NE(mux, nullptr);
  WebPData chunk{};
  ASSERT_EQ(WebPMuxGetChunk(mux, "EXIF", &chunk), WEBP_MUX_OK);
  const std::string exif(reinterpret_cast<const char*>(chunk.bytes), chunk.size);
  WebPMuxDelete(mux);
  EXPECT_TRUE(exif.starts_with("MM")) << "without the name that it has in a JPEG";
  EXPECT_TRUE(exif.ends_with(comment(u"лиса 🦊\nSteps: 20" + std::u16string(40'000, u'.'))));
}

TEST(EncodeImage, ExifIsReadable) {
  const std::vector<std::uint8_t> segment = exif_segment(u"a");
  EXPECT_TRUE(is_exif(segment));
  EXPECT_EQ(exif_orientation(segment), 1);
  EXPECT_TRUE(exif_segment(u"").empty());
}

TEST(EncodeImage, RefusesSizesThatFormatCannotHold) {
  const auto flat = [](int width, int height) {
    return Image{
        .width = width, .height = height, .rgb = std::vector<std::uint8_t>(std::size_t{3} * static_cast<std::size_t>(width * height))};
  };
  const auto error = [](const Image& image, ImageFormat format) {
    return golden::error_of<UsageError>([&] { encode_image(image, format, ""); });
  };
  EXPECT_THAT(error(flat(65'501, 1), ImageFormat::jpeg), HasSubstr("JPEG holds at most 65500 pixels a side, and the picture has 65501x1"));
  EXPECT_THAT(error(flat(1, 16'384), ImageFormat::webp), HasSubstr("WebP holds at most 16383 pixels a side, and the picture has 1x16384"));
  EXPECT_NO_THROW(encode_image(flat(16'383, 1), ImageFormat::webp, "a"));
  for (const ImageFormat format : {ImageFormat::png, ImageFormat::jpeg, ImageFormat::webp}) {
    EXPECT_THROW(encode_image(Image{}, format, ""), Error);
    EXPECT_THROW(encode_image(Image{.width = 2, .height = 2, .rgb = std::vector<std::uint8_t>(11)}, format, ""), Error);
  }
}

TEST(ImageFormat, HasNames) {
  EXPECT_EQ(image_format_named("png"), ImageFormat::png);
  EXPECT_EQ(image_format_named("jpeg"), ImageFormat::jpeg);
  EXPECT_EQ(image_format_named("jpg"), ImageFormat::jpeg);
  EXPECT_EQ(image_format_named("webp"), ImageFormat::webp);
  for (const char* other : {"", "PNG", ".png", "gif", "avif"}) EXPECT_EQ(image_format_named(other), std::nullopt) << other;
}

}  // namespace
}  // namespace p2p::engine
