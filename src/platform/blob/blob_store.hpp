#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/secret.hpp"

/// Storage for pictures.
namespace p2p::blob {

/// The store is unreachable or refuses. The message names the store and the key, never a signature.
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

  /// Creates or replaces the object. On return it is durable across a crash of this process, as far as the store's answer can be verified.
  /// Throws BlobError.
  virtual void put(const std::string& key, std::string_view bytes, std::string_view content_type) = 0;

  /// Returns the whole object. If the key ends with .png, .jpg or .webp, content that is no complete picture of that format is
  /// `unavailable`. Throws BlobError.
  virtual std::string get(const std::string& key) = 0;

  struct Part {
    std::string bytes;
    std::size_t total = 0;  ///< bytes of the object
  };
  /// At most `size` bytes from `offset`; fewer only at the end of the object. Throws BlobError.
  virtual Part read(const std::string& key, std::size_t offset, std::size_t size);

  /// Throws BlobError; a missing object is not an error.
  virtual void remove(const std::string& key) = 0;

  /// A URL from which anyone can fetch the object until `expires`; nullopt if the store is not publicly reachable.
  virtual std::optional<std::string> link(const std::string& key, Time expires) const = 0;

  /// The maximum lifetime of a link.
  virtual std::chrono::seconds longest_link() const = 0;

  /// Deletes the objects images/YYYY/MM/DD/..., and those of inputs/ and previews/, of days before `day` and nothing else. Throws
  /// BlobError.
  virtual void remove_before(std::chrono::sys_days day) = 0;
};

/// The media type of the object with that key, by its ending: .png, .jpg, .webp; otherwise application/octet-stream.
std::string media_type_of(std::string_view key);

struct S3Config {
  std::string endpoint;         ///< such as https://s3.cloud.ru
  std::string public_endpoint;  ///< the endpoint of links; empty: `endpoint`
  std::string region;
  std::string bucket;  ///< must exist; path style
  std::string access_key;
  Secret secret_key;
  std::string ca_file;                   ///< PEM; empty: the system's
  std::chrono::milliseconds pause{100};  ///< before the second attempt of a call; doubled before the last
};

/// SigV4, path style. Each call retries for a few seconds and then throws; longer retries are up to the caller. Throws UsageError
/// if an endpoint is not a URL.
std::unique_ptr<BlobStore> s3_store(const S3Config& config);

struct FolderConfig {
  std::string folder;      ///< created if missing
  std::string public_url;  ///< the public URL of this process; empty: no links
  Secret link_key;         ///< signs links
};

/// Files on one machine. Links point to the HTTP server of this process, `public_url`/pictures/KEY?expires=..&signature=.., which checks
/// them with link_is_valid().
std::unique_ptr<BlobStore> folder_store(const FolderConfig& config);

/// The path and query of a link to the object, for a server that checks it with link_is_valid(): /pictures/KEY?expires=..&signature=..
std::string link_path(const Secret& link_key, const std::string& key, Time expires);

/// Whether link_path() created the signature for `key` with this link key, and it has not expired at `at`.
bool link_is_valid(const Secret& link_key, std::string_view key, std::string_view expires, std::string_view signature, Time at);

/// Whether the URL's host is publicly reachable: not a name without a dot, not a loopback, private, link-local or unspecified address, not
/// .local, .internal or .localhost.
bool is_public_host(std::string_view url);

}  // namespace p2p::blob
