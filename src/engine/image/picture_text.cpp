#include "engine/image/picture_text.hpp"

#include <unicode/unistr.h>

#include <algorithm>
#include <fstream>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "engine/image/decode.hpp"
#include "engine/image/exif.hpp"
#include "engine/image/read_image.hpp"

namespace p2p::engine {
namespace {

using Bytes = std::span<const std::uint8_t>;

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

std::string to_utf8(const icu::UnicodeString& text) {
  std::string utf8;
  text.toUTF8String(utf8);
  return utf8;
}

/// Ill-formed parts become U+FFFD.
std::string from_utf8(std::string_view text) {
  return to_utf8(icu::UnicodeString::fromUTF8({text.data(), static_cast<std::int32_t>(text.size())}));
}

std::string from_latin1(std::string_view text) {
  std::u16string units;
  for (const char c : text) units += static_cast<unsigned char>(c);
  return to_utf8(icu::UnicodeString(units.data(), static_cast<std::int32_t>(units.size())));
}

std::size_t big(Bytes bytes) {
  std::size_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8u | byte;
  return value;
}

[[noreturn]] void fail_cut() { throw UsageError("expected a whole picture, found one that is cut off"); }

/// The first `size` bytes, which are removed.
Bytes take(Bytes& rest, std::size_t size) {
  if (size > rest.size()) fail_cut();
  const Bytes taken = rest.first(size);
  rest = rest.subspan(size);
  return taken;
}

constexpr std::string_view kKey{"parameters\0", 11};

std::optional<std::string> png_text(Bytes rest) {
  constexpr std::size_t kSignature = 8;
  take(rest, kSignature);
  while (!rest.empty()) {
    const std::size_t size = big(take(rest, 4));
    const std::string_view type = text_of(take(rest, 4));
    std::string_view content = text_of(take(rest, size));
    if (type == "IEND") break;
    take(rest, 4);  // checksum
    if (!content.starts_with(kKey)) continue;
    content.remove_prefix(kKey.size());
    if (type == "tEXt") return from_latin1(content);
    // iTXt: is compressed, method, language, 0, translated key, 0, text
    if (type != "iTXt" || content.size() < 2 || content[0] != 0) continue;
    content.remove_prefix(2);
    for (int i = 0; i < 2; ++i) {
      const std::size_t end = content.find('\0');
      content.remove_prefix(end == content.npos ? content.size() : end + 1);
    }
    return from_utf8(content);
  }
  return {};
}

std::optional<std::string> comment_text(Bytes exif) {
  constexpr std::size_t kCode = 8;
  const Bytes comment = exif_user_comment(exif);
  if (comment.size() <= kCode) return {};
  const std::string_view code = text_of(comment.first(kCode));
  Bytes content = comment.subspan(kCode);
  if (!code.starts_with("UNICODE")) return from_utf8(text_of(content));
  // Some programs write UTF-16 in the byte order of the file, others always the big end first: most texts have many zero bytes, which tell.
  std::size_t zeros_first = 0, zeros_second = 0;
  for (std::size_t i = 0; i + 1 < content.size(); i += 2) {
    zeros_first += content[i] == 0;
    zeros_second += content[i + 1] == 0;
  }
  const bool is_big = zeros_first >= zeros_second;
  std::u16string units;
  for (std::size_t i = 0; i + 1 < content.size(); i += 2)
    units += static_cast<char16_t>(is_big ? content[i] << 8u | content[i + 1] : content[i + 1] << 8u | content[i]);
  std::string text = to_utf8(icu::UnicodeString(units.data(), static_cast<std::int32_t>(units.size())));
  while (text.ends_with('\0')) text.pop_back();
  return text;
}

std::optional<std::string> jpeg_text(Bytes rest) {
  constexpr std::uint8_t kApp1 = 0xE1, kScan = 0xDA, kEnd = 0xD9;
  take(rest, 2);
  while (!rest.empty()) {
    const Bytes marker = take(rest, 2);
    if (marker[0] != 0xFF || marker[1] == kScan || marker[1] == kEnd) break;
    const std::size_t size = big(take(rest, 2));
    if (size < 2) fail_cut();
    const Bytes segment = take(rest, size - 2);
    if (marker[1] != kApp1 || !is_exif(segment)) continue;
    if (auto text = comment_text(segment)) return text;
  }
  return {};
}

std::optional<std::string> webp_text(Bytes rest) {
  take(rest, 12);
  while (!rest.empty()) {
    const std::string_view type = text_of(take(rest, 4));
    const Bytes little = take(rest, 4);
    const std::size_t size = little[0] | std::size_t{little[1]} << 8u | std::size_t{little[2]} << 16u | std::size_t{little[3]} << 24u;
    const Bytes chunk = take(rest, size);
    if (size % 2 != 0 && !rest.empty()) take(rest, 1);
    if (type == "EXIF") return comment_text(chunk);
  }
  return {};
}

}  // namespace

std::optional<std::string> parameters_in(std::span<const std::uint8_t> bytes) {
  if (is_png(bytes)) return png_text(bytes);
  if (is_jpeg(bytes)) return jpeg_text(bytes);
  if (is_webp(bytes)) return webp_text(bytes);
  throw UsageError("expected a picture in PNG, JPEG or WebP");
}

std::optional<std::string> read_parameters(const std::filesystem::path& file) try {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) throw UsageError("cannot be read: " + error.message());
  if (size > kMaxImageBytes) throw UsageError("expected a picture of at most " + std::to_string(kMaxImageBytes >> 20) + " MiB");
  std::vector<std::uint8_t> bytes(size);
  std::ifstream stream(file, std::ios::binary);
  if (!stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size))) throw UsageError("cannot be read");
  return parameters_in(bytes);
} catch (const UsageError& problem) {
  throw UsageError(file.string() + ": " + problem.what());
}

}  // namespace p2p::engine
