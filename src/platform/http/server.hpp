#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/http/client.hpp"

/// An HTTP/1.1 server on one event loop. Handlers run in a small thread pool; connections and waiting responses use no thread.
namespace p2p::http {

struct ServerRequest {
  std::string method;
  std::string path;    ///< decoded, without the query
  HeaderList query;    ///< decoded
  HeaderList headers;  ///< names in lower case
  std::string body;
  std::string address;         ///< the IP address of the other end of the connection
  std::function<void()> wake;  ///< see ServerResponse::later; thread-safe, and safe to call after the client has gone

  std::string_view header(std::string_view name) const;
  std::string_view query_value(std::string_view name) const;
};

/// Either a complete response, or a function that produces it over time: `later` or `stream`. These are called from one thread at a time
/// and destroyed when the response is complete, the client has gone or the server stops. Their exceptions close the connection.
struct ServerResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  HeaderList headers;
  /// Returns the response once it is available. Called immediately, after each wake() of the request, and when `pause` has passed.
  std::function<std::optional<ServerResponse>()> later;
  /// Produces the next piece of the body; false at the end. Called again when the piece has been sent; after an empty piece, at the next
  /// wake() or when `pause` has passed.
  std::function<bool(std::string& piece)> stream;
  std::optional<std::uint64_t> length;  ///< total bytes; unset: unknown
  std::chrono::milliseconds pause{10'000};
};

using Handler = std::function<ServerResponse(const ServerRequest&)>;
/// Checks a request before its body is read; a response refuses it. Runs on the event loop, so it must not block.
using Guard = std::function<std::optional<ServerResponse>(const ServerRequest&)>;

/// Limits per client and for all together.
struct ServerLimits {
  std::size_t header_bytes = 16u << 10u;         ///< request line and headers; beyond: 414, 431
  std::size_t headers = 100;                     ///< beyond: 431
  std::size_t body_bytes = 1u << 20u;            ///< beyond: 413
  std::size_t file_bytes = 12u << 20u;           ///< the same for routes that take files, if it is more
  std::size_t connections = 8192;                ///< beyond: the connection idle for longest is closed
  std::size_t connections_per_address = 4096;    ///< per IPv4 address or IPv6 /64; beyond: closed
  double requests_per_second = 1000;             ///< per address; beyond: 429
  std::size_t buffered_bytes = 12u << 20u;       ///< unread requests and unsent responses; beyond: the slowest connection is closed
  std::size_t buffered_files = 40u << 20u;       ///< bodies of routes that take files, until their handlers return; beyond: 503
  std::chrono::milliseconds request{20'000};     ///< to receive a request, from its first byte, or the next MiB of a file; then 408
  std::chrono::milliseconds idle{75'000};        ///< between two requests; longer than proxies keep connections (nginx: 60 s)
  std::chrono::milliseconds send{20'000};        ///< for the client to take 64 KiB of a response
  std::chrono::milliseconds stop_within{5'000};  ///< to send responses once the server stops
};

struct ServerConfig {
  std::string listen;                       ///< host:port; port 0: any free port
  std::string setting = "P2P_HTTP_LISTEN";  ///< named in errors about `listen`
  ServerLimits limits;
  int threads = 4;                 ///< for handlers
  std::vector<std::string> hosts;  ///< permitted names in the header Host, lower case, without port; empty: any
  /// Formats the body of the server's own errors (400, 404, 405, 408, 413, ...); unset: plain text. Runs on the event loop.
  std::function<ServerResponse(int status, const std::string& path, const std::string& text)> error;
};

enum class Body { small, file };  ///< ServerLimits::body_bytes | file_bytes, for a body that may hold a file

/// Exceptions of handlers are logged and become a 500 without details. Requests with ambiguous framing (RFC 9112, 6.1), an encoded body, or
/// an unknown method are refused, and the connection is closed.
class Server {
 public:
  explicit Server(ServerConfig config);
  ~Server();
  /// To be called before start(). `path` is matched exactly; a path that ends with `/` matches everything below it. The first match is
  /// used.
  void route(std::string_view method, std::string_view path, Handler handler, Guard guard = {}, Body body = Body::small);
  /// Starts to listen. Throws UsageError if the address is invalid or in use.
  void start();
  /// Stops listening, wakes waiting responses, and returns when every handler and stream has ended. The server cannot be started again.
  /// Idempotent; must not be called by handlers.
  void stop();
  /// The port listened on.
  int port() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace p2p::http
