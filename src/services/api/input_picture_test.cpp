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
  const std::string webp = webp_of(8192, 3) + "appended";
  const InputPicture third = read_picture(webp);
  EXPECT_EQ(third.extension, "webp");
  EXPECT_EQ(third.media_type(), "image/webp");
  EXPECT_EQ(third.width, 8192);
  EXPECT_EQ(third.height, 3);
  EXPECT_TRUE(third.bytes.ends_with("pixels")) << "the store checks the size";
}

TEST(InputPicture, ReadsTheSizeOfEveryKindOfWebp) {
  const auto riff = [](const std::string& rest) {
    return "RIFF" + std::string(1, static_cast<char>(rest.size() + 4)) + std::string(3, '\0') + "WEBP" + rest;
  };
  const InputPicture lossy = read_picture(riff(std::string("VP8 \x0a\0\0\0...\x9d\x01*\x0d\x40\x07\0", 18)));
  EXPECT_EQ(std::pair(lossy.width, lossy.height), std::pair(13, 7)) << "the upper bits are a scale";
  const InputPicture lossless = read_picture(riff(std::string("VP8L\x0a\0\0\0/\x0c\x80\x01\0.....", 18)));
  EXPECT_EQ(std::pair(lossless.width, lossless.height), std::pair(13, 7));
}

TEST(InputPicture, RefusesDamagedWebp) {
  const std::string good = webp_of(4, 4);
  for (std::size_t size = 12; size < good.size(); ++size)
    EXPECT_THAT(refusal_of(good.substr(0, size)), HasSubstr("a damaged WebP")) << size;
  EXPECT_THAT(refusal_of(std::string("RIFF\x04\0\0\0WEBP", 12)), HasSubstr("its header is missing"));
  std::string other = good;
  other[12] = 'X';
  EXPECT_THAT(refusal_of(other), HasSubstr("its header is malformed"));
  EXPECT_THAT(refusal_of(webp_of(8193, 1)), HasSubstr("found 8193x1"));
}

TEST(InputPicture, NamesWhatElseItIs) {
  EXPECT_THAT(refusal_of(""), HasSubstr("expected a picture in PNG, JPEG or WebP, found nothing"));
  EXPECT_THAT(refusal_of("RIFF....WAVE"), HasSubstr("found something else"));
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
  EXPECT_EQ(read_picture(start + frame(4, 5, 4) + segment(0xda, "") + "\xff\xd9").height, 5) << "CMYK";
  EXPECT_THAT(refusal_of(start + frame(4, 4, 2) + segment(0xda, "") + "\xff\xd9"), HasSubstr("unknown kind of pixels"));
  EXPECT_THAT(refusal_of(start + frame(4, 4) + frame(8, 8) + segment(0xda, "") + "\xff\xd9"), HasSubstr("malformed"));
  EXPECT_THAT(refusal_of(start + segment(0xda, "") + "\xff\xd9"), HasSubstr("size is missing"));
  EXPECT_THAT(refusal_of(start + "\xff\xc0" + std::string("\0\0more", 6)), HasSubstr("malformed"));
}

}  // namespace
}  // namespace p2p::api
