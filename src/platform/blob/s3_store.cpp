#include <algorithm>
#include <thread>

#include "platform/blob/blob_store.hpp"
#include "platform/blob/keys.hpp"
#include "platform/blob/s3_answer.hpp"
#include "platform/blob/signature.hpp"
#include "platform/http/client.hpp"

namespace p2p::blob {
namespace {

class S3Store : public BlobStore {
 public:
  explicit S3Store(S3Config config) : config_(std::move(config)), client_({.ca_file = config_.ca_file}) {
    if (config_.public_endpoint.empty()) config_.public_endpoint = config_.endpoint;
    for (const std::string& endpoint : {config_.endpoint, config_.public_endpoint}) {
      const std::size_t scheme = endpoint.starts_with("https://") ? 8 : endpoint.starts_with("http://") ? 7 : endpoint.size();
      if (scheme >= endpoint.size() || endpoint.find_first_of("/?#@", scheme) != std::string::npos) {
        throw UsageError("P2P_S3_ENDPOINT and P2P_S3_PUBLIC_ENDPOINT take an address without a path, such as https://s3.cloud.ru");
      }
    }
  }

  void put(const std::string& key, std::string_view bytes, std::string_view content_type) override {
    call("PUT", key, {}, bytes, content_type);
  }
  std::string get(const std::string& key) override { return call("GET", key, {}).body; }
  void remove(const std::string& key) override {
    try {
      call("DELETE", key, {});
    } catch (const BlobError& error) {
      if (error.kind() != BlobError::Kind::missing) throw;
    }
  }

  std::optional<std::string> link(const std::string& key, Time expires) const override {
    if (!is_public_host(config_.public_endpoint)) return std::nullopt;
    check_key(key);
    const Time at = now();
    const auto valid = std::chrono::duration_cast<std::chrono::seconds>(expires - at);
    return presign({"GET", config_.public_endpoint, path_of(key), {}, std::clamp(valid, std::chrono::seconds(1), longest_link())},
                   signing_key(), at);
  }

  std::chrono::seconds longest_link() const override { return std::chrono::days(7); }  // SigV4's own limit

  void remove_before(std::chrono::sys_days day) override {
    // Keys are listed in order, so the first that is young enough ends it.
    for (bool more = true; more;) {
      const S3List list = read_list(call("GET", "", {{"list-type", "2"}, {"max-keys", "1000"}, {"prefix", "images/"}}).body);
      more = list.more && !list.keys.empty();
      for (const std::string& key : list.keys) {
        const auto its_day = day_of(key);
        if (!its_day || *its_day >= day) return;
        remove(key);
      }
    }
  }

 private:
  std::string path_of(const std::string& key) const { return "/" + config_.bucket + (key.empty() ? "" : "/" + key); }
  SigningKey signing_key() const { return {config_.region, config_.access_key, config_.secret_key}; }

  /// Tries thrice, if that is quick: who calls has better things to do about an outage than to wait here. Every call is signed as a link
  /// is: one way of signing to be right in.
  http::HttpResponse call(const std::string& method, const std::string& key, const std::vector<std::pair<std::string, std::string>>& query,
                          std::string_view body = {}, std::string_view content_type = {}) {
    if (!key.empty()) check_key(key);
    constexpr int kTries = 3;
    const Time quick = now() + std::chrono::seconds(3);
    for (int attempt = 1;; ++attempt) {
      const auto is_last = [&] { return attempt == kTries || now() > quick; };
      try {
        const std::chrono::seconds stall(method == "GET" ? 8 : 20);  // what was sent may take a while to be stored
        http::HttpRequest request{.method = method, .body = body, .timeout = std::chrono::seconds(60), .stall = stall};
        if (!content_type.empty()) request.headers.emplace_back("Content-Type", content_type);
        request.url = Secret(presign({method, config_.endpoint, path_of(key), query, std::chrono::seconds(300)}, signing_key(), now()));
        http::HttpResponse response = client_.send(request);
        if (response.status / 100 == 2) return response;
        throw problem_of(response, key);
      } catch (const http::HttpError& error) {
        if (is_last()) throw BlobError(BlobError::Kind::unavailable, error.what());
      } catch (const BlobError& error) {
        if (is_last() || error.kind() != BlobError::Kind::unavailable) throw;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100 * attempt));
    }
  }

  BlobError problem_of(const http::HttpResponse& response, const std::string& key) const {
    const std::string code = error_code(response.body);
    const std::string what = config_.endpoint + ", bucket " + config_.bucket + (key.empty() ? "" : ", object " + key) + ": status " +
                             std::to_string(response.status) + (code.empty() ? "" : " " + code);
    if (code == "NoSuchBucket") return {BlobError::Kind::refused, what + "; the bucket has to exist, set P2P_S3_BUCKET"};
    if (response.status == 404) return {BlobError::Kind::missing, what};
    if (code == "SignatureDoesNotMatch" || code == "InvalidAccessKeyId") {
      return {BlobError::Kind::refused, what + "; check P2P_S3_ACCESS_KEY, P2P_S3_SECRET_KEY and P2P_S3_REGION"};
    }
    if (code == "RequestTimeTooSkewed") return {BlobError::Kind::refused, what + "; this machine's clock is wrong"};
    const bool may_pass = response.status >= 500 || response.status == 429 || response.status == 408;
    return {may_pass ? BlobError::Kind::unavailable : BlobError::Kind::refused, what};
  }

  S3Config config_;
  http::Client client_;
};

}  // namespace

std::unique_ptr<BlobStore> s3_store(const S3Config& config) { return std::make_unique<S3Store>(config); }

}  // namespace p2p::blob
