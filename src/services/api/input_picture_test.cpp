#include "services/api/input_picture.hpp"

#include <gmock/gmock.h>

#include "services/api/openai.hpp"
#include "services/api/testing/pictures.hpp"

namespace p2p::api {
namespace {

using ::testing::HasSubstr;

std::string refusal_of(const std::string& bytes) {
  try {
    read_picture(bytes);
    return "";
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status(), 400);
    return error.what();
  }
}

TEST(InputPicture, ReadsSizeAndKind) {
  const std::string png = png_of(8192, 1) + "appended by some program";
  const InputPicture first = read_picture(png);
  EXPECT_EQ(first.extension, "png");
  EXPECT_EQ(first.media_type(), "image/png");
  EXPECT_EQ(first.width, 8192);
  EXPECT_EQ(first.height, 1);
  EXPECT_TRUE(first.bytes.ends_with("IEND\xae\x42\x60\x82")) << "the store checks for the end of a PNG";
  EXPECT_EQ(first.bytes.data(), png.data());
  const std::string jpeg = jpeg_of(640, 480) + "a second picture";
  const InputPicture second = read_picture(jpeg);
  EXPECT_EQ(second.media_type(), "image/jpeg");
  EXPECT_EQ(second.width, 640);
  EXPECT_EQ(second.height, 480);
  EXPECT_EQ(second.bytes, jpeg);
}

TEST(InputPicture, NamesWhatElseItIs) {
  EXPECT_THAT(refusal_of(""), HasSubstr("expected a picture in PNG or JPEG, found nothing"));
  EXPECT_THAT(refusal_of("RIFF....WEBPVP8 "), HasSubstr("found a WebP"));
  EXPECT_THAT(refusal_of(std::string("\0\0\0\x18", 4) + "ftypheic"), HasSubstr("found a HEIC"));
  EXPECT_THAT(refusal_of("GIF89a"), HasSubstr("found a GIF"));
  EXPECT_THAT(refusal_of("<svg>"), HasSubstr("found HTML, SVG"));
  EXPECT_THAT(refusal_of("a fox"), HasSubstr("found something else"));
}

TEST(InputPicture, RefusesSizes) {
  for (const auto& [width, height] : {std::pair{8193u, 1u}, {1u, 8193u}, {0u, 1u}, {1u, 0u}, {0xffffffffu, 0xffffffffu}})
    EXPECT_THAT(refusal_of(png_of(width, height)), HasSubstr("expected 1 to 8192 pixels a side")) << width;
  EXPECT_THAT(refusal_of(jpeg_of(65535, 65535)), HasSubstr("found 65535x65535"));
}

TEST(InputPicture, RefusesDamagedPng) {
  const std::string good = png_of(4, 4);
  for (std::size_t size = 8; size < good.size(); ++size) EXPECT_THAT(refusal_of(good.substr(0, size)), HasSubstr("a damaged PNG")) << size;
  EXPECT_THAT(refusal_of(png_of(4, 4, chunk("IHDR", std::string(13, 'x')))), HasSubstr("header"));
  EXPECT_THAT(refusal_of(good.substr(0, 8) + chunk("IDAT", "x") + good.substr(8)), HasSubstr("header"));
  EXPECT_THAT(refusal_of(good.substr(0, 33) + "\xff\xff\xff\xffIDAT"), HasSubstr("cut")) << "a length beyond the end";
  EXPECT_THAT(refusal_of(good.substr(0, good.size() - 1) + "x"), HasSubstr("its end is malformed"));
}

TEST(InputPicture, RefusesDamagedJpeg) {
  const std::string good = jpeg_of(4, 4);
  for (std::size_t size = 3; size < good.size(); ++size) EXPECT_THAT(refusal_of(good.substr(0, size)), HasSubstr("a damaged JPEG")) << size;
  const std::string start = "\xff\xd8";
  EXPECT_THAT(refusal_of(start + frame(4, 4, 4) + segment(0xda, "") + "\xff\xd9"), HasSubstr("CMYK"));
  EXPECT_THAT(refusal_of(start + frame(4, 4) + frame(8, 8) + segment(0xda, "") + "\xff\xd9"), HasSubstr("malformed"));
  EXPECT_THAT(refusal_of(start + segment(0xda, "") + "\xff\xd9"), HasSubstr("size is missing"));
  EXPECT_THAT(refusal_of(start + "\xff\xc0" + std::string("\0\0more", 6)), HasSubstr("malformed"));
}

}  // namespace
}  // namespace p2p::api
