#include "platform/blob/signature.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "platform/http/client.hpp"

namespace p2p::blob {
namespace {

using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
std::string text_of(const Digest& digest, unsigned size) { return {reinterpret_cast<const char*>(digest.data()), size}; }

std::string sha256(std::string_view text) {
  Digest digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) throw Error("OpenSSL has no SHA-256");
  return text_of(digest, size);
}

/// 20260131T235959Z
std::string compact(Time at) {
  std::string text = to_text(std::chrono::floor<std::chrono::seconds>(at));
  text.erase(text.find('.') == std::string::npos ? text.size() - 1 : text.find('.'));
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text + "Z";
}

}  // namespace

std::string hmac(std::string_view key, std::string_view text) {
  Digest digest{};
  unsigned size = 0;
  if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(), digest.data(), &size))
    throw Error("OpenSSL has no HMAC");
  return text_of(digest, size);
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kHex[static_cast<unsigned char>(c) >> 4u];
    text += kHex[static_cast<unsigned char>(c) & 15u];
  }
  return text;
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string presign(const SignedRequest& request, const SigningKey& key, Time at) {
  const std::string time = compact(at);
  const std::string day = time.substr(0, 8);
  const std::string scope = day + "/" + key.region + "/s3/aws4_request";
  const std::string host = request.endpoint.substr(request.endpoint.find("://") + 3);
  const std::string path = http::percent_encode(request.path, true);

  std::vector<std::pair<std::string, std::string>> query = request.query;
  query.insert(query.end(), {{"X-Amz-Algorithm", "AWS4-HMAC-SHA256"},
                             {"X-Amz-Credential", key.access_key + "/" + scope},
                             {"X-Amz-Date", time},
                             {"X-Amz-Expires", std::to_string(request.valid.count())},
                             {"X-Amz-SignedHeaders", "host"}});
  for (auto& [name, value] : query) value = http::percent_encode(value);
  std::ranges::sort(query);
  std::string canonical_query;
  for (const auto& [name, value] : query) canonical_query += (canonical_query.empty() ? "" : "&") + name + "=" + value;

  const std::string canonical = request.method + "\n" + path + "\n" + canonical_query + "\nhost:" + host + "\n\nhost\nUNSIGNED-PAYLOAD";
  const std::string to_sign = "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + to_hex(sha256(canonical));
  const std::string signing = hmac(hmac(hmac(hmac("AWS4" + key.secret_key.expose(), day), key.region), "s3"), "aws4_request");
  return request.endpoint + path + "?" + canonical_query + "&X-Amz-Signature=" + to_hex(hmac(signing, to_sign));
}

}  // namespace p2p::blob
