#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/secret.hpp"

namespace p2p::http {

/// No response: connection failure, timeout, invalid certificate. The message never contains the URL's path or query.
class HttpError : public Error {
 public:
  using Error::Error;
};

/// The host has no address that `public_only` allows.
class AddressRefused : public Error {
 public:
  using Error::Error;
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// A field of multipart/form-data; a file where it has a file name.
struct Part {
  std::string name;
  std::string value;
  std::string file_name;
  std::string content_type;
};

struct HttpResponse {
  int status = 0;
  HeaderList headers;  ///< names in lower case
  std::string body;
  std::string address;  ///< the IP address of the peer, which may be the proxy

  /// Empty if there is none.
  std::string_view header(std::string_view name) const;
};

/// Receives a body in pieces; `head` has no body. Its exceptions end the call and propagate.
using Sink = std::function<void(const HttpResponse& head, std::string_view bytes)>;

struct HttpRequest {
  std::string method = "GET";
  Secret url;  ///< may hold a token or a signature
  HeaderList headers;
  std::string_view body;    ///< owned by the caller until the call returns
  std::vector<Part> parts;  ///< if not empty, the body
  std::chrono::milliseconds timeout{30'000};
  std::chrono::seconds stall{0};  ///< gives up after this time with less than `slowest` bytes per second; 0: no limit but the timeout
  int slowest = 1;                ///< bytes a second
  std::size_t max_response = 64u << 20;  ///< bytes; a larger response is an HttpError
  bool public_only = false;              ///< connect only to public IP addresses
  Sink sink;                             ///< if set, receives the body of a 2xx response, which may have any length
};

struct ClientConfig {
  Secret proxy;         ///< http:// or socks5h:// URL; empty: direct; the environment is ignored
  std::string ca_file;  ///< PEM; empty: the system's
  std::chrono::milliseconds connect_timeout{5'000};
};

/// Reuses connections. Thread-safe; each call blocks its thread. Does not follow redirects.
class Client {
 public:
  explicit Client(ClientConfig config);
  ~Client();

  /// Returns responses of any status. Throws HttpError, AddressRefused, and Cancelled when `cancelled`, if given and polled every 100 ms,
  /// returns true.
  HttpResponse send(const HttpRequest& request, const std::function<bool()>& cancelled = {});

 private:
  class Pool;
  ClientConfig config_;
  std::unique_ptr<Pool> pool_;
};

/// Percent-encodes all except unreserved characters (RFC 3986) and, with `keep_slashes`, `/`.
std::string percent_encode(std::string_view text, bool keep_slashes = false);

}  // namespace p2p::http
