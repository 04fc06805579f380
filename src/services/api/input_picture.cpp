#include "services/api/input_picture.hpp"

#include <array>
#include <cstdint>
#include <string>

#include "services/api/openai.hpp"

namespace p2p::api {
namespace {

constexpr std::string_view kPng("\x89PNG\r\n\x1a\n", 8);
constexpr std::string_view kPngEnd("\0\0\0\0IEND\xae\x42\x60\x82", 12);
constexpr std::string_view kJpeg("\xff\xd8\xff", 3);
constexpr std::uint32_t kMostInputSide = 8192;  // that of the engine's decoders

struct Signature {
  std::size_t offset = 0;
  std::string_view bytes;
  const char* name = "";
};
/// What clients send by mistake.
constexpr std::array<Signature, 9> kOthers{{{4, "ftypavif", "an AVIF"},
                                            {4, "ftyphei", "a HEIC"},
                                            {4, "ftypmif1", "a HEIC"},
                                            {0, "GIF8", "a GIF"},
                                            {0, "BM", "a BMP"},
                                            {0, std::string_view("II*\0", 4), "a TIFF"},
                                            {0, std::string_view("MM\0*", 4), "a TIFF"},
                                            {0, "%PDF", "a PDF"},
                                            {0, "<", "HTML, SVG or other XML"}}};

[[noreturn]] void refuse(const std::string& problem) { throw ApiError(400, "invalid_image", "image: " + problem); }

/// A big-endian number of `count` bytes, which must be there.
std::uint32_t number(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (const char c : bytes.substr(at, count)) value = value << 8u | static_cast<unsigned char>(c);
  return value;
}

void set_size(InputPicture& picture, std::uint32_t width, std::uint32_t height) {
  if (width - 1 >= kMostInputSide || height - 1 >= kMostInputSide)
    refuse("expected 1 to " + std::to_string(kMostInputSide) + " pixels a side, found " + std::to_string(width) + "x" +
           std::to_string(height));
  picture.width = static_cast<int>(width);
  picture.height = static_cast<int>(height);
}

InputPicture read_png(std::string_view bytes) {
  constexpr std::size_t kAround = 12;  // length, type and checksum of a chunk
  constexpr std::size_t kHeader = 13;
  InputPicture picture{.extension = "png"};
  for (std::size_t at = kPng.size(); bytes.size() - at >= kAround;) {
    const std::size_t length = number(bytes, at, 4);
    const std::string_view type = bytes.substr(at + 4, 4);
    if (length > bytes.size() - at - kAround) break;
    const bool is_first = at == kPng.size();
    if (is_first != (type == "IHDR") || (is_first && length != kHeader)) refuse("a damaged PNG: its header is missing or malformed");
    if (is_first) set_size(picture, number(bytes, at + 8, 4), number(bytes, at + 12, 4));
    at += kAround + length;
    if (type != "IEND") continue;
    picture.bytes = bytes.substr(0, at);
    if (!picture.bytes.ends_with(kPngEnd)) refuse("a damaged PNG: its end is malformed");
    return picture;
  }
  refuse("a damaged PNG: it is cut, its end is missing");
}

/// Whether the marker begins a frame, whose header has the size: SOF0 to SOF15 without DHT, JPG and DAC.
bool is_frame(unsigned marker) { return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc; }

InputPicture read_jpeg(std::string_view bytes) {
  constexpr std::size_t kFrame = 8;  // length, precision, height, width, number of components
  constexpr unsigned kScan = 0xda;
  InputPicture picture{.extension = "jpeg"};
  for (std::size_t at = 2; bytes.size() - at >= 4;) {
    if (bytes[at] != '\xff') refuse("a damaged JPEG: a marker is missing");
    const unsigned marker = number(bytes, at + 1, 1);
    if (marker == 0xff) {  // padding
      ++at;
      continue;
    }
    const std::size_t length = number(bytes, at + 2, 2);
    if (marker < 0xc0 || (marker >= 0xd0 && marker <= 0xd9) || length < 2) refuse("a damaged JPEG: its header is malformed");
    if (length > bytes.size() - at - 2) break;
    if (is_frame(marker)) {
      if (length < kFrame || picture.width > 0) refuse("a damaged JPEG: its header is malformed");
      set_size(picture, number(bytes, at + 7, 2), number(bytes, at + 5, 2));
      if (const auto components = number(bytes, at + 9, 1); components != 1 && components != 3 && components != 4)
        refuse("a JPEG of an unknown kind of pixels");
    }
    at += 2 + length;
    if (marker != kScan) continue;
    if (picture.width == 0) refuse("a damaged JPEG: its size is missing");
    if (bytes.find("\xff\xd9", at) == std::string_view::npos) break;  // the end, which no scan contains
    picture.bytes = bytes;
    return picture;
  }
  refuse("a damaged JPEG: it is cut, its end is missing");
}

/// A little-endian number, like number().
std::uint32_t little(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = value << 8u | number(bytes, at + i, 1);
  return value;
}

/// The first chunk has the size: VP8X for a file with more than pixels, VP8 for one with losses, VP8L for one without.
InputPicture read_webp(std::string_view bytes) {
  constexpr std::size_t kHead = 8;  // RIFF or the name of a chunk, and the size of what follows
  constexpr std::size_t kChunk = kHead + 4;
  constexpr std::uint32_t kSide = 0x3fff;
  InputPicture picture{.extension = "webp"};
  const std::size_t size = little(bytes, 4, 4);
  if (size > bytes.size() - kHead) refuse("a damaged WebP: it is cut, its end is missing");
  picture.bytes = bytes.substr(0, kHead + size);
  if (picture.bytes.size() < kChunk + kHead + 10) refuse("a damaged WebP: its header is missing");
  const std::string_view name = bytes.substr(kChunk, 4);
  const std::string_view chunk = bytes.substr(kChunk + kHead, 10);
  if (name == "VP8X") {
    set_size(picture, little(chunk, 4, 3) + 1, little(chunk, 7, 3) + 1);
  } else if (name == "VP8L" && chunk[0] == '/') {
    const std::uint32_t sides = little(chunk, 1, 4);
    set_size(picture, (sides & kSide) + 1, (sides >> 14u & kSide) + 1);
  } else if (name == "VP8 " && chunk.substr(3, 3) == "\x9d\x01*") {
    set_size(picture, little(chunk, 6, 2) & kSide, little(chunk, 8, 2) & kSide);
  } else {
    refuse("a damaged WebP: its header is malformed");
  }
  return picture;
}

bool is_webp(std::string_view bytes) { return bytes.size() >= 12 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP"; }

}  // namespace

InputPicture read_picture(std::string_view bytes) {
  if (bytes.starts_with(kPng)) return read_png(bytes);
  if (bytes.starts_with(kJpeg)) return read_jpeg(bytes);
  if (is_webp(bytes)) return read_webp(bytes);
  std::string found = bytes.empty() ? "nothing" : "something else";
  for (const Signature& other : kOthers) {
    if (bytes.size() > other.offset && bytes.substr(other.offset).starts_with(other.bytes)) {
      found = other.name;
      break;
    }
  }
  refuse("expected a picture in PNG, JPEG or WebP, found " + found);
}

}  // namespace p2p::api
