#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/secret.hpp"

namespace p2p::blob {

/// HMAC-SHA256 as raw bytes.
std::string hmac(std::string_view key, std::string_view text);
std::string to_hex(std::string_view bytes);
/// Constant-time comparison.
bool same_secret(std::string_view a, std::string_view b);

struct SignedRequest {
  std::string method;    ///< GET, PUT, DELETE
  std::string endpoint;  ///< scheme://host[:port]
  std::string path;      ///< /bucket/key, unencoded
  std::vector<std::pair<std::string, std::string>> query;
  std::chrono::seconds valid{60};
};

struct SigningKey {
  std::string region;
  std::string access_key;
  const Secret& secret_key;
};

/// The URL with AWS Signature Version 4 in its query (Amazon's "Authenticating requests: using query parameters"). Only the host header is
/// signed, with UNSIGNED-PAYLOAD: anyone who has the URL can use it, from `at` until it expires.
std::string presign(const SignedRequest& request, const SigningKey& key, Time at);

}  // namespace p2p::blob
