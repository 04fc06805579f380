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
  for (const std::string kind : read_json(golden::file("image/read.json"))) {
    const Image expected = golden::read_png(golden::file("image/" + kind + "-rgb.png"));
    const Image found = read_image(golden::file("image/" + kind));
    EXPECT_EQ(found.width, expected.width) << kind;
    EXPECT_EQ(found.height, expected.height) << kind;
    EXPECT_EQ(found.rgb, expected.rgb) << kind;
  }
}

TEST(ReadImage, RefusesWhatIsNoWholePicture) {
  const auto error = [](std::span<const std::uint8_t> bytes) {
    return golden::error_of<UsageError>([&] { decode_image(bytes, "a.png"); });
  };
  const std::vector<std::uint8_t> png = bytes_of("rgba.png");
  for (std::size_t size = 0; size + 12 < png.size(); ++size)  // the last 12 bytes tell the end alone
    EXPECT_THAT(error(std::span(png).first(size)),
                HasSubstr(size < 8 ? "a.png: expected a picture in PNG or JPEG" : "a.png: a damaged PNG"));
  for (std::size_t at = 8; at + 12 < png.size(); ++at) {
    std::vector<std::uint8_t> changed = png;
    changed[at] ^= 0x55;
    EXPECT_THAT(error(changed), HasSubstr("a.png: a damaged PNG")) << at;
  }
  EXPECT_THAT(golden::error_of<UsageError>([] { read_image("/nowhere/a.png"); }), HasSubstr("/nowhere/a.png: cannot be read"));
}

TEST(ReadImage, RefusesWhatIsNoWholeJpeg) {
  const auto error = [](std::span<const std::uint8_t> bytes) { return golden::error_of<UsageError>([&] { decode_image(bytes, "a"); }); };
  const std::vector<std::uint8_t> jpeg = bytes_of("rgb.jpg");
  for (std::size_t size = 0; size + 2 < jpeg.size(); ++size)  // the last 2 bytes tell the end alone
    EXPECT_THAT(error(std::span(jpeg).first(size)), HasSubstr(size < 3 ? "a: expected a picture" : "a: a damaged JPEG")) << size;
  EXPECT_THAT(error(bytes_of("cmyk.jpg")), HasSubstr("a: a JPEG in CMYK"));

  std::vector<std::uint8_t> wide = jpeg;
  const std::array<std::uint8_t, 2> frame{0xFF, 0xC0};
  const auto size = std::ranges::search(wide, frame).begin() + 7;
  size[0] = 0x20;  // 8192 and more
  EXPECT_THAT(error(wide), HasSubstr("expected at most 8192 pixels a side"));
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
