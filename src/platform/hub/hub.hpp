#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "platform/hub/listing.hpp"

namespace p2p::hub {

struct HubConfig {
  std::string url = "https://huggingface.co";  ///< without a slash at its end
  Secret token;                                ///< empty: as nobody
  Secret proxy;                                ///< http:// or socks5h:// URL; empty: direct
  std::string ca_file;                         ///< PEM; empty: the system's
};

/// The hub did not give what was asked for, which may pass: it was out of reach, overloaded, or broke off.
class HubUnavailable : public Error {
 public:
  using Error::Error;
};

/// A hub of models with Hugging Face's API. Nothing that it says is believed: redirects go to http and https alone, never from https to
/// http, never from a hub outside to this machine or a private network (through a proxy: its affair), and the token to the hub's own origin
/// alone. Calls throw HubUnavailable; UsageError where the name, the revision or the token is wrong; Error where it lies; Cancelled once
/// `stop` is requested. For one thread.
class Hub {
 public:
  Hub(HubConfig config, std::stop_token stop);
  ~Hub();

  Listing list(const std::string& repository, const std::string& revision);

  /// Takes bytes; `at` is the place of the first one in the file: where the last ones ended, or 0 where the hub begins anew.
  using Take = std::function<void(std::uint64_t at, std::string_view bytes)>;
  /// Reads from byte `offset` on, which is before the end, and never more than file.size bytes in all. Returns when the hub has ended the
  /// answer, be it too early.
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
