#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "platform/hub/listing.hpp"

namespace p2p::hub {

struct HubConfig {
  std::string url = "https://huggingface.co";  ///< without a trailing slash
  Secret token;                                ///< empty: anonymous
  Secret proxy;                                ///< http:// or socks5h:// URL; empty: direct
  std::string ca_file;                         ///< PEM; empty: the system's
};

/// A temporary failure: the hub was unreachable, overloaded, or closed the connection early.
class HubUnavailable : public Error {
 public:
  explicit HubUnavailable(const std::string& text, std::optional<std::chrono::seconds> wait = {}) : Error(text), wait_(wait) {}
  /// How long the hub asks to wait, if it does.
  std::optional<std::chrono::seconds> wait() const { return wait_; }

 private:
  std::optional<std::chrono::seconds> wait_;
};

/// A hub of models with Hugging Face's API. The hub is not trusted: redirects are followed only to http and https, never from https to
/// http, and never from a public hub to this machine or a private network (with a proxy, the proxy is responsible); the token is sent only
/// to the hub's own origin. Calls throw HubUnavailable; UsageError if the name, the revision or the token is wrong; Error if the hub's data
/// are inconsistent; Cancelled once `stop` is requested. Not thread-safe.
class Hub {
 public:
  Hub(HubConfig config, std::stop_token stop);
  ~Hub();

  Listing list(const std::string& repository, const std::string& revision);

  /// Receives bytes; `at` is the offset of the first one in the file: where the last ones ended, or 0 if the hub starts over.
  using Take = std::function<void(std::uint64_t at, std::string_view bytes)>;
  /// Reads from byte `offset`, which must be before the end, and never more than file.size bytes in total. Returns when the hub ends the
  /// response, even if that is too early.
  void read(const Listing& of, const RemoteFile& file, std::uint64_t offset, const Take& take);

  const std::string& url() const { return config_.url; }
  const std::stop_token& stop() const { return stop_; }

 private:
  struct Connection;
  HubConfig config_;
  std::stop_token stop_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace p2p::hub
