#include "engine/image/read_image.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "base/error.hpp"
#include "base/json.hpp"
#include "engine/testing/golden.hpp"
#include "engine/testing/picture.hpp"

namespace p2p::engine {
namespace {

using testing::HasSubstr;

std::vector<std::uint8_t> bytes_of(const std::string& name) {
  std::ifstream stream(golden::file("image/" + name), std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(ReadImage, TakesEveryKindAsPillowDoes) {
  for (const Json& row : read_json(golden::file("image/read.json"))) {
    const std::string kind = row.at("file");
    const Image expected = golden::read_png(golden::file("image/" + row.at("pixels").get<std::string>()));
    std::vector<Sentence> notices;
    const Image found = read_image(golden::file("image/" + kind), &notices);
    EXPECT_EQ(found.width, expected.width) << kind;
    EXPECT_EQ(found.height, expected.height) << kind;
    EXPECT_EQ(found.rgb, expected.rgb) << kind;
    EXPECT_EQ(std::ranges::count(notices, "transparency_dropped", &Sentence::code), row.at("transparent").get<bool>() ? 1 : 0) << kind;
    EXPECT_EQ(std::ranges::count(notices, "first_of_animation", &Sentence::code), kind == "animated.webp" ? 1 : 0) << kind;
    EXPECT_EQ(std::ranges::count(notices, "cmyk_converted", &Sentence::code), kind.starts_with("cmyk") || kind == "ycck.jpg" ? 1 : 0)
        << kind;
  }
}

TEST(ReadImage, CutsGreyOf16BitsToTheUpper8) {  // Pillow makes nearly all of it white
  const Image grey = read_image(golden::file("image/grey-16.png"));
  EXPECT_EQ(grey.rgb, golden::read_png(golden::file("image/grey.png-rgb.png")).rgb);
}

TEST(ReadImage, IgnoresDamagedExif) {
  const std::vector<std::uint8_t> upright = bytes_of("turned-0.webp");
  const Image expected = decode_image(upright, "a");
  const std::vector<std::uint8_t> webp = bytes_of("turned-6.webp");
  ASSERT_NE(decode_image(webp, "a").width, expected.width);
  const std::array<std::uint8_t, 4> name{'E', 'X', 'I', 'F'};
  const auto start = std::ranges::find_end(webp, name).begin() + 8;
  for (auto at = start; at != webp.end(); ++at) {
    std::vector<std::uint8_t> changed = webp;
    changed[static_cast<std::size_t>(at - webp.begin())] ^= 0xFF;
    const Image found = decode_image(changed, "a");
    EXPECT_EQ(found.rgb.size(), expected.rgb.size());
  }
}

TEST(ReadImage, RefusesWhatIsNoWholePicture) {
  const auto error = [](std::span<const std::uint8_t> bytes) {
    return golden::error_of<UsageError>([&] { decode_image(bytes, "a.png"); });
  };
  const std::vector<std::uint8_t> png = bytes_of("rgba.png");
  for (std::size_t size = 0; size + 12 < png.size(); ++size)  // the last 12 bytes tell the end alone
    EXPECT_THAT(error(std::span(png).first(size)),
                HasSubstr(size < 8 ? "a.png: expected a picture in PNG, JPEG or WebP" : "a.png: a damaged PNG"));
  for (std::size_t at = 8; at + 12 < png.size(); ++at) {
    std::vector<std::uint8_t> changed = png;
    changed[at] ^= 0x55;
    EXPECT_THAT(error(changed), HasSubstr("a.png: a damaged PNG")) << at;
  }
  EXPECT_THAT(golden::error_of<UsageError>([] { read_image("/nowhere/a.png"); }), HasSubstr("/nowhere/a.png: there is no such file"));
}

TEST(ReadImage, RefusesWhatIsNoWholeJpeg) {
  const auto error = [](std::span<const std::uint8_t> bytes) { return golden::error_of<UsageError>([&] { decode_image(bytes, "a"); }); };
  const std::vector<std::uint8_t> jpeg = bytes_of("rgb.jpg");
  for (std::size_t size = 0; size + 2 < jpeg.size(); ++size)  // the last 2 bytes tell the end alone
    EXPECT_THAT(error(std::span(jpeg).first(size)), HasSubstr(size < 3 ? "a: expected a picture" : "a: a damaged JPEG")) << size;
  std::vector<std::uint8_t> wide = jpeg;
  const std::array<std::uint8_t, 2> frame{0xFF, 0xC0};
  const auto size = std::ranges::search(wide, frame).begin() + 7;
  size[0] = 0x20;  // 8192 and more
  EXPECT_THAT(error(wide), HasSubstr("expected at most 8192 pixels a side"));
}

TEST(ReadImage, RefusesWhatIsNoWholeWebp) {
  const auto error = [](std::span<const std::uint8_t> bytes) { return golden::error_of<UsageError>([&] { decode_image(bytes, "a"); }); };
  for (const std::string name : {"lossy.webp", "lossless.webp", "alpha.webp", "animated.webp"}) {
    const std::vector<std::uint8_t> webp = bytes_of(name);
    const std::size_t needed = name == "animated.webp" ? 100 : webp.size() - 2;  // of an animation the first frame alone
    for (std::size_t size = 0; size < needed; ++size)
      EXPECT_THAT(error(std::span(webp).first(size)), HasSubstr(size < 12 ? "a: expected a picture" : "a: a damaged WebP")) << name << size;
  }
  std::vector<std::uint8_t> large = bytes_of("animated.webp");
  large[25] = 0x20;  // of the width in VP8X
  EXPECT_THAT(error(large), HasSubstr("expected at most 8192 pixels a side, found 8205x7"));
}

TEST(ReadImage, RefusesAFrameOutsideOfTheAnimation) {
  std::vector<std::uint8_t> webp = bytes_of("animated.webp");
  const std::array<std::uint8_t, 4> name{'A', 'N', 'M', 'F'};
  const auto frame = std::ranges::search(webp, name).begin();
  frame[8] = 100;  // its place, in steps of two pixels
  EXPECT_THAT(golden::error_of<UsageError>([&] { decode_image(webp, "a"); }), HasSubstr("a: a damaged WebP"));
}

TEST(ReadImage, RefusesSidesThatAreTooLong) {
  const auto error = [](int width, int height) {
    const Image image{.width = width, .height = height, .rgb = std::vector<std::uint8_t>(std::size_t{3} * 8193)};
    return golden::error_of<UsageError>([&] { decode_image(encode_png(image, ""), "a.png"); });
  };
  EXPECT_THAT(error(8193, 1), HasSubstr("expected at most 8192 pixels a side, found 8193x1"));
  EXPECT_THAT(error(1, 8193), HasSubstr("found 1x8193"));
}

}  // namespace
}  // namespace p2p::engine
