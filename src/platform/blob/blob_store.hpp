#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/secret.hpp"

/// Where pictures are kept.
namespace p2p::blob {

/// The store cannot be reached or refuses. Names the store and the key, never a signature.
class BlobError : public Error {
 public:
  enum class Kind { unavailable, refused, missing };  ///< try again later | credentials or permissions are wrong | no such object
  BlobError(Kind kind, const std::string& text) : Error(text), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

/// Keys are `[A-Za-z0-9._-]` names joined by `/`, none of them `.` or `..`; other keys are refused with BlobError. Thread-safe.
class BlobStore {
 public:
  virtual ~BlobStore() = default;

  /// Stores or replaces. When it returns, the object outlives a crash of this process, as far as the store's answer can be checked. Throws
  /// BlobError.
  virtual void put(const std::string& key, std::string_view bytes, std::string_view content_type) = 0;

  /// Whole: of a key that ends with .png, a PNG; what else the store gives for one is `unavailable`. Throws BlobError.
  virtual std::string get(const std::string& key) = 0;

  struct Part {
    std::string bytes;
    std::size_t total = 0;  ///< bytes of the object
  };
  /// At most `size` bytes from `offset` on; fewer at the end alone. Throws BlobError.
  virtual Part read(const std::string& key, std::size_t offset, std::size_t size);

  /// Throws BlobError; a key that is not there is no error.
  virtual void remove(const std::string& key) = 0;

  /// An address where anyone may fetch the object until `expires`; nothing where people outside could not reach it.
  virtual std::optional<std::string> link(const std::string& key, Time expires) const = 0;

  /// The longest that a link may live.
  virtual std::chrono::seconds longest_link() const = 0;

  /// Deletes objects under images/YYYY/MM/DD of days before `day`, and nothing else. Throws BlobError.
  virtual void remove_before(std::chrono::sys_days day) = 0;
};

struct S3Config {
  std::string endpoint;         ///< such as https://s3.cloud.ru
  std::string public_endpoint;  ///< the one links are signed for; empty: the endpoint
  std::string region;
  std::string bucket;  ///< exists already; path style
  std::string access_key;
  Secret secret_key;
  std::string ca_file;                   ///< PEM; empty: the system's
  std::chrono::milliseconds pause{100};  ///< before a call is tried again; twice that before the last time
};

/// SigV4 signed, path style. Each call tries for a few seconds and then throws; repeating longer is the caller's affair. Throws UsageError
/// for an endpoint that is no URL.
std::unique_ptr<BlobStore> s3_store(const S3Config& config);

struct FolderConfig {
  std::string folder;      ///< made where missing
  std::string public_url;  ///< where serve_pictures() is reached from outside; empty: links are impossible
  Secret link_key;         ///< signs links
};

/// Files of one machine; links lead to the process's own HTTP at `public_url`/pictures/KEY?expires=..&signature=.. and are checked by
/// link_is_valid().
std::unique_ptr<BlobStore> folder_store(const FolderConfig& config);

/// The path and query of a link to the object, for a server that checks it with link_is_valid(): /pictures/KEY?expires=..&signature=..
std::string link_path(const Secret& link_key, const std::string& key, Time expires);

/// Whether link_path() with this link key was made for `key` and has not expired at `at`.
bool link_is_valid(const Secret& link_key, std::string_view key, std::string_view expires, std::string_view signature, Time at);

/// Whether people outside can reach the URL's host: not one without a dot, nor a loopback, private, link-local or unspecified address, nor
/// .local, .internal, .localhost.
bool is_public_host(std::string_view url);

}  // namespace p2p::blob
