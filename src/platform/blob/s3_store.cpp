#include <algorithm>
#include <atomic>
#include <charconv>
#include <functional>
#include <thread>

#include "base/log.hpp"
#include "platform/blob/blob_store.hpp"
#include "platform/blob/content.hpp"
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
    call("PUT", key, {}, [&](const http::HttpResponse& answer) { check_stored(key, bytes, answer); }, bytes, content_type);
  }
  std::string get(const std::string& key) override {
    return call("GET", key, {}, [&](const http::HttpResponse& answer) { check_content(key, answer.body); }).body;
  }
  Part read(const std::string& key, std::size_t offset, std::size_t size) override {
    Part part;
    const auto take = [&](const http::HttpResponse& answer) {
      const std::string_view range = answer.header("content-range");  // bytes 0-99/1234
      const auto [end, problem] =
          std::from_chars(range.data() + std::min(range.find('/') + 1, range.size()), range.data() + range.size(), part.total);
      if (answer.status != 206 || problem != std::errc() || end != range.data() + range.size() || answer.body.size() > size)
        throw BlobError(BlobError::Kind::unavailable, where(key) + ": the answer is no part of an object; check P2P_S3_ENDPOINT");
      check_part(key, answer.body, offset, part.total);
    };
    const std::string range = "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + size - 1);
    part.bytes = call("GET", key, {}, take, {}, {}, range).body;
    return part;
  }
  void remove(const std::string& key) override {
    try {
      call("DELETE", key, {}, {});
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

  std::chrono::seconds longest_link() const override { return std::chrono::days(7); }  // the limit of SigV4

  void remove_before(std::chrono::sys_days day) override {
    for (const std::string_view folder : kDatedFolders) remove_before(day, folder);
  }

 private:
  void remove_before(std::chrono::sys_days day, std::string_view folder) {
    const auto check_list = [&](const http::HttpResponse& answer) {
      if (!is_list(answer.body))
        throw BlobError(BlobError::Kind::unavailable, where("") + ": the answer is no list of objects; check P2P_S3_ENDPOINT");
    };
    S3List list{.more = true};
    while (list.more) {
      std::vector<std::pair<std::string, std::string>> query{{"list-type", "2"}, {"max-keys", "1000"}, {"prefix", std::string(folder)}};
      if (!list.next.empty()) query.emplace_back("continuation-token", list.next);
      S3List page = read_list(call("GET", "", query, check_list).body);
      // Without a new token the same page would come again.
      page.more = page.more && !page.next.empty() && page.next != list.next;
      list = std::move(page);
      for (const std::string& key : list.keys) {
        const auto its_day = is_key(key) ? day_of(key) : std::nullopt;
        if (!its_day) {
          if (!told_of_others_.exchange(true)) log::warn("objects of other programs are not deleted", {{"key", key}});
        } else if (*its_day < day) {
          remove(key);
        } else {
          return;  // keys are sorted: all later ones of ours are newer
        }
      }
    }
  }

  std::string path_of(const std::string& key) const { return "/" + config_.bucket + (key.empty() ? "" : "/" + key); }
  SigningKey signing_key() const { return {config_.region, config_.access_key, config_.secret_key}; }

  std::string where(const std::string& key) const {
    return config_.endpoint + ", bucket " + config_.bucket + (key.empty() ? "" : ", object " + key);
  }

  using Query = std::vector<std::pair<std::string, std::string>>;
  using Check = std::function<void(const http::HttpResponse& answer)>;

  /// Calls are signed in the query, like links, so that there is only one way of signing.
  http::HttpResponse send(const std::string& method, const std::string& key, const Query& query, std::string_view body = {},
                          std::string_view content_type = {}, std::string_view range = {}) {
    const std::chrono::seconds stall(method == "PUT" || method == "DELETE" ? 20 : 8);  // storing may take a while
    http::HttpRequest request{.method = method, .body = body, .timeout = std::chrono::seconds(60), .stall = stall};
    if (!content_type.empty()) request.headers.emplace_back("Content-Type", content_type);
    if (!range.empty()) request.headers.emplace_back("Range", range);
    request.url = Secret(presign({method, config_.endpoint, path_of(key), query, std::chrono::seconds(300)}, signing_key(), now()));
    return client_.send(request);
  }

  /// Makes up to three attempts within a short time; callers handle longer outages. `check`, if given, throws if the content shows that the
  /// answer is not from S3 in spite of its status.
  http::HttpResponse call(const std::string& method, const std::string& key, const Query& query, const Check& check,
                          std::string_view body = {}, std::string_view content_type = {}, std::string_view range = {}) {
    if (!key.empty()) check_key(key);
    constexpr int kTries = 3;
    const Time quick = now() + std::chrono::seconds(3);
    for (int attempt = 1;; ++attempt) {
      const auto is_last = [&] { return attempt == kTries || now() > quick; };
      try {
        http::HttpResponse response = send(method, key, query, body, content_type, range);
        if (response.status / 100 != 2) throw problem_of(response, key);
        if (check) check(response);
        return response;
      } catch (const http::HttpError& error) {
        if (is_last()) throw BlobError(BlobError::Kind::unavailable, error.what());
      } catch (const BlobError& error) {
        if (is_last() || error.kind() != BlobError::Kind::unavailable) throw;
      }
      std::this_thread::sleep_for(config_.pause * attempt);
    }
  }

  void check_stored(const std::string& key, std::string_view bytes, const http::HttpResponse& answer) {
    constexpr auto kLost = BlobError::Kind::unavailable;
    if (answer.header("etag").empty())
      throw BlobError(kLost, where(key) + ": status " + std::to_string(answer.status) +
                                 " without an ETag, which no S3 gives; a web server or a proxy may be there, check P2P_S3_ENDPOINT");
    const auto stored = is_stored(answer, bytes);
    if (stored == false) throw BlobError(kLost, where(key) + ": its ETag says that other bytes were stored than were sent");
    if (stored) return;
    const http::HttpResponse head = send("HEAD", key, {});
    if (head.status == 403) return;  // the key may write but not read; at least it is an S3
    if (head.status / 100 != 2 || head.header("content-length") != std::to_string(bytes.size()))
      throw BlobError(
          kLost, where(key) + ": it was stored, but is not there in its whole length (HEAD: status " + std::to_string(head.status) + ")");
  }

  BlobError problem_of(const http::HttpResponse& response, const std::string& key) const {
    const std::string code = error_code(response.body);
    const std::string what = where(key) + ": status " + std::to_string(response.status) + (code.empty() ? "" : " " + code);
    if (code == "NoSuchBucket") return {BlobError::Kind::refused, what + "; the bucket has to exist, set P2P_S3_BUCKET"};
    if (response.status == 404 && code == "NoSuchKey") return {BlobError::Kind::missing, what};
    if (response.status == 404) return {BlobError::Kind::unavailable, what + ", which is no S3's answer; check P2P_S3_ENDPOINT"};
    if (const std::string clock = clock_problem(response, code); !clock.empty()) return {BlobError::Kind::refused, what + clock};
    if (code == "SignatureDoesNotMatch" || code == "InvalidAccessKeyId") {
      return {BlobError::Kind::refused, what + "; check P2P_S3_ACCESS_KEY, P2P_S3_SECRET_KEY and P2P_S3_REGION"};
    }
    const bool may_pass = response.status >= 500 || response.status == 429 || response.status == 408;
    return {may_pass ? BlobError::Kind::unavailable : BlobError::Kind::refused, what};
  }

  /// Stores refuse a wrong clock as RequestTimeTooSkewed or, because signatures are in the URL, as AccessDenied with varying texts.
  static std::string clock_problem(const http::HttpResponse& response, const std::string& code) {
    constexpr std::chrono::minutes kMuch{4};
    const auto ahead = clock_ahead(response, now());
    const bool is_off = ahead && std::chrono::abs(*ahead) > kMuch;
    if (code != "RequestTimeTooSkewed" && (response.status != 403 || !is_off)) return "";
    if (!is_off) return "; this machine's clock is off: set it (NTP)";
    return "; this machine's clock is off by about " + std::to_string(std::chrono::abs(*ahead).count()) + " s (" +
           (ahead->count() > 0 ? "ahead" : "behind") + "): set it (NTP)";
  }

  S3Config config_;
  http::Client client_;
  std::atomic<bool> told_of_others_ = false;
};

}  // namespace

std::unique_ptr<BlobStore> s3_store(const S3Config& config) { return std::make_unique<S3Store>(config); }

}  // namespace p2p::blob
