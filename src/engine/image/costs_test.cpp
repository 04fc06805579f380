#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "base/error.hpp"
#include "engine/image/read_image.hpp"
#include "engine/testing/golden.hpp"

namespace {

std::size_t unpacked_bytes = 0;

}  // namespace

/// In zlib's place: counts what libpng has unpacked.
extern "C" int inflate(z_streamp stream, int flush) {
  static const auto real = reinterpret_cast<int (*)(z_streamp, int)>(dlsym(RTLD_NEXT, "inflate"));
  const uLong before = stream->total_out;
  const int result = real(stream, flush);
  unpacked_bytes += stream->total_out - before;
  return result;
}

namespace p2p::engine {
namespace {

using testing::HasSubstr;

using Bytes = std::vector<std::uint8_t>;

Bytes bytes_of(const std::string& name) {
  std::ifstream stream(golden::file("image/" + name), std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void add_number(Bytes& bytes, std::uint32_t value) {
  for (const unsigned shift : {24u, 16u, 8u, 0u}) bytes.push_back(static_cast<std::uint8_t>(value >> shift));
}

/// What unpacks to `size` zeros, as zlib takes it: not packed at all.
Bytes stored_zeros(std::size_t size) {
  constexpr std::size_t kBlock = 65'535;
  Bytes bytes{0x78, 0x01};
  for (std::size_t left = size; left > 0; left -= std::min(left, kBlock)) {
    const auto block = static_cast<unsigned>(std::min(left, kBlock));
    const unsigned inverse = ~block & 0xFFFFu;
    for (const unsigned value : {left <= kBlock ? 1u : 0u, block & 255u, block >> 8u, inverse & 255u, inverse >> 8u})
      bytes.push_back(static_cast<std::uint8_t>(value));
    bytes.resize(bytes.size() + block);
  }
  add_number(bytes, static_cast<std::uint32_t>(size % 65'521) << 16u | 1u);  // Adler-32
  return bytes;
}

Bytes chunk(const std::string& kind, const Bytes& data) {
  Bytes bytes;
  add_number(bytes, static_cast<std::uint32_t>(data.size()));
  bytes.insert(bytes.end(), kind.begin(), kind.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  std::uint32_t crc = ~0u;
  for (std::size_t i = 4; i < bytes.size(); ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1u ^ (crc & 1u ? 0xEDB88320u : 0u);
  }
  add_number(bytes, ~crc);
  return bytes;
}

TEST(ImageCosts, TextsAndProfilesOfAPngAreNotUnpacked) {
  const Bytes png = bytes_of("rgba.png");
  const Image image = decode_image(png, "a");
  unpacked_bytes = 0;
  decode_image(png, "a");
  const std::size_t of_pixels = unpacked_bytes;
  EXPECT_GT(of_pixels, image.rgb.size()) << "the counter counts";

  const Bytes zeros = stored_zeros(200'000);
  Bytes costly(png.begin(), png.begin() + 33);  // the signature and IHDR
  for (const auto& [kind, head] : {std::pair<std::string, std::string>{"zTXt", std::string("key\0\0", 5)},
                                   {"iTXt", std::string("key\0\1\0\0\0", 8)},
                                   {"iCCP", std::string("key\0\0", 5)}}) {
    Bytes data(head.begin(), head.end());
    data.insert(data.end(), zeros.begin(), zeros.end());
    const Bytes one = chunk(kind, data);
    costly.insert(costly.end(), one.begin(), one.end());
  }
  costly.insert(costly.end(), png.begin() + 33, png.end());
  unpacked_bytes = 0;
  EXPECT_EQ(decode_image(costly, "a").rgb, image.rgb);
  EXPECT_EQ(unpacked_bytes, of_pixels);
}

TEST(ImageCosts, RefusesAJpegOfManyScans) {
  const Bytes jpeg = bytes_of("progressive.jpg");
  const std::array<std::uint8_t, 2> start{0xFF, 0xDA};
  const auto last = std::ranges::find_end(jpeg, start).begin();
  const Bytes scan(last, jpeg.end() - 2);
  const auto with_scans = [&](std::size_t more) {
    Bytes bytes(jpeg.begin(), jpeg.end() - 2);
    for (std::size_t i = 0; i < more; ++i) bytes.insert(bytes.end(), scan.begin(), scan.end());
    bytes.insert(bytes.end(), jpeg.end() - 2, jpeg.end());
    return bytes;
  };
  EXPECT_NO_THROW(decode_image(with_scans(10), "a"));
  EXPECT_THAT(golden::error_of<UsageError>([&] { decode_image(with_scans(1'000), "a"); }), HasSubstr("a damaged JPEG: more than 32 scans"));
}

}  // namespace
}  // namespace p2p::engine
