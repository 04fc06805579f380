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

/// No answer came: no connection, a broken one, a timeout, a bad certificate. The text never holds the URL's path or query.
class HttpError : public Error {
 public:
  using Error::Error;
};

/// The host's addresses are none that `public_only` allows.
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
  std::string address;  ///< the IP address that answered, of the proxy where there is one

  /// Empty where there is none.
  std::string_view header(std::string_view name) const;
};

/// Takes a body in pieces, as they come; `head` has no body. What it throws ends the call and comes out of it.
using Sink = std::function<void(const HttpResponse& head, std::string_view bytes)>;

struct HttpRequest {
  std::string method = "GET";
  Secret url;  ///< may hold a token or a signature
  HeaderList headers;
  std::string_view body;    ///< kept by the caller until the call ends
  std::vector<Part> parts;  ///< where not empty, the body
  std::chrono::milliseconds timeout{30'000};
  std::chrono::seconds stall{0};         ///< given up when fewer bytes a second than `slowest` move for so long; 0: only by the timeout
  int slowest = 1;                       ///< bytes a second
  std::size_t max_response = 64u << 20;  ///< bytes; a longer answer is an HttpError
  bool public_only = false;              ///< connect to nothing but addresses that are reached from anywhere, whatever names say
  Sink sink;                             ///< where given, gets the body of a 2xx, of any length, instead of the response
};

struct ClientConfig {
  Secret proxy;         ///< http:// or socks5h:// URL; empty: none, whatever the environment says
  std::string ca_file;  ///< PEM; empty: the system's
  std::chrono::milliseconds connect_timeout{5'000};
};

/// Keeps connections alive and reuses them. Thread-safe: each call blocks its own thread. Does not follow redirects.
class Client {
 public:
  explicit Client(ClientConfig config);
  ~Client();

  /// Throws HttpError, AddressRefused; an answer of any status is returned. `cancelled`, where given, is asked about each 100 ms and ends
  /// the call with Cancelled.
  HttpResponse send(const HttpRequest& request, const std::function<bool()>& cancelled = {});

 private:
  class Pool;
  ClientConfig config_;
  std::unique_ptr<Pool> pool_;
};

/// Percent-encodes all but unreserved characters (RFC 3986); `keep_slashes` leaves `/`.
std::string percent_encode(std::string_view text, bool keep_slashes = false);

}  // namespace p2p::http
