#include "platform/blob/content.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.hpp"
#include "platform/blob/blob_store.hpp"
#include "platform/blob/signature.hpp"

namespace p2p::blob {
namespace {

/// A file format of pictures: by what its keys, its files' first bytes and its files' last bytes are recognised.
struct Format {
  std::string_view ending;
  std::string_view media_type;
  std::string_view first;
  std::string_view last;
};
constexpr std::array<Format, 3> kFormats{{{".png", "image/png", {"\x89PNG\r\n\x1a\n", 8}, {"\0\0\0\0IEND\xae\x42\x60\x82", 12}},
                                          {".jpg", "image/jpeg", "\xff\xd8\xff", "\xff\xd9"},
                                          {".webp", "image/webp", "RIFF", ""}}};

const Format* format_of(std::string_view key) {
  const auto* const found = std::ranges::find_if(kFormats, [&](const Format& format) { return key.ends_with(format.ending); });
  return found == kFormats.end() ? nullptr : found;
}

/// Whether a WebP of `total` bytes can begin so: after RIFF it has the size of the rest.
bool has_riff_size(std::string_view bytes, std::size_t total) {
  constexpr std::size_t kHead = 8;
  if (bytes.size() < kHead) return false;
  std::size_t rest = 0;
  for (std::size_t i = kHead; i-- > 4;) rest = rest << 8u | static_cast<unsigned char>(bytes[i]);
  return rest + kHead == total;
}

bool is_md5(std::string_view text) {
  return text.size() == 32 && std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::optional<std::string> md5_hex(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_md5(), nullptr) != 1) return std::nullopt;
  return to_hex({reinterpret_cast<const char*>(digest.data()), size});
}

std::optional<bool> is_stored(const http::HttpResponse& answer, std::string_view bytes) {
  std::string etag(answer.header("etag"));
  std::erase(etag, '"');
  if (etag.empty()) return false;
  etag = to_lower(etag);
  const auto md5 = md5_hex(bytes);
  if (etag == md5) return true;
  // With KMS or customer keys the ETag looks like an MD5 but is not one.
  const std::string_view encryption = answer.header("x-amz-server-side-encryption");
  const bool own_keys =
      (!encryption.empty() && encryption != "AES256") || !answer.header("x-amz-server-side-encryption-customer-algorithm").empty();
  if (!md5 || !is_md5(etag) || own_keys) return std::nullopt;
  return false;
}

BlobStore::Part BlobStore::read(const std::string& key, std::size_t offset, std::size_t size) {
  std::string all = get(key);
  const std::size_t total = all.size();
  return {all.substr(std::min(offset, total), size), total};
}

void check_content(std::string_view key, std::string_view bytes) { check_part(key, bytes, 0, bytes.size()); }

void check_part(std::string_view key, std::string_view bytes, std::size_t offset, std::size_t total) {
  const Format* const format = format_of(key);
  if (!format) return;
  const bool is_webp = format->last.empty();
  const bool begins = offset > 0 || (bytes.starts_with(format->first) && (!is_webp || has_riff_size(bytes, total)));
  const bool ends = offset + bytes.size() < total || bytes.ends_with(format->last) || (offset > 0 && bytes.size() < format->last.size());
  if (begins && ends) return;
  throw BlobError(BlobError::Kind::unavailable, "object " + std::string(key) + ": what the storage gives for it is not a whole picture");
}

std::string media_type_of(std::string_view key) {
  const Format* const format = format_of(key);
  return std::string(format ? format->media_type : "application/octet-stream");
}

std::optional<std::chrono::seconds> clock_ahead(const http::HttpResponse& answer, Time now) {
  const std::string date(answer.header("date"));
  std::tm parts{};
  if (!strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts)) return std::nullopt;
  return std::chrono::seconds(to_millis(now) / 1000 - timegm(&parts));
}

}  // namespace p2p::blob
