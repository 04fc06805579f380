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

/// An HTTP/1.1 server on one event loop. Handlers run on a few threads; an answer that waits, and a connection, hold none.
namespace p2p::http {

struct ServerRequest {
  std::string method;
  std::string path;    ///< decoded, without the query
  HeaderList query;    ///< decoded
  HeaderList headers;  ///< names in lower case
  std::string body;
  std::string address;         ///< the IP address of the other end of the connection
  std::function<void()> wake;  ///< see ServerResponse::later; thread-safe, at any time, also after the caller has gone

  std::string_view header(std::string_view name) const;
  std::string_view query_value(std::string_view name) const;
};

/// Either all of an answer, or how it is made over time: `later` or `stream`. Those are called from one thread at a time, and are destroyed
/// once the answer is complete, the caller has gone or the server stops. What they throw closes the connection.
struct ServerResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  HeaderList headers;
  /// Gives the answer once it is known. Called at once, after each wake() of the request, and when `pause` has passed.
  std::function<std::optional<ServerResponse>()> later;
  /// Gives the body's next piece; false: there is no more. Called again when the piece has been sent; after an empty one at the next wake()
  /// and when `pause` has passed.
  std::function<bool(std::string& piece)> stream;
  std::optional<std::uint64_t> length;  ///< of all pieces; unset: unknown
  std::chrono::milliseconds pause{10'000};
};

using Handler = std::function<ServerResponse(const ServerRequest&)>;
/// Sees a request before its body is read; an answer refuses it. Runs on the event loop: it must not wait.
using Guard = std::function<std::optional<ServerResponse>(const ServerRequest&)>;

/// What one caller, or all together, may take of the server.
struct ServerLimits {
  std::size_t header_bytes = 16u << 10u;         ///< of request line and headers; more: 414, 431
  std::size_t headers = 100;                     ///< more: 431
  std::size_t body_bytes = 1u << 20u;            ///< more: 413
  std::size_t connections = 8192;                ///< beyond, the one that has been idle longest is closed
  std::size_t connections_per_address = 4096;    ///< of an IPv4 address or an IPv6 /64; more are closed at once
  double requests_per_second = 1000;             ///< of one address; more: 429
  std::size_t buffered_bytes = 12u << 20u;       ///< of unread requests and unsent answers; beyond, the slowest connection is closed
  std::chrono::milliseconds request{20'000};     ///< for a request to arrive, from its first byte; then 408
  std::chrono::milliseconds idle{75'000};        ///< between two requests. More than proxies keep connections (nginx: 60 s)
  std::chrono::milliseconds send{20'000};        ///< for each 64 KiB of an answer to be taken by the caller
  std::chrono::milliseconds stop_within{5'000};  ///< for answers to be sent once the server stops
};

struct ServerConfig {
  std::string listen;                       ///< host:port; port 0 takes a free one
  std::string setting = "P2P_HTTP_LISTEN";  ///< named in errors about `listen`
  ServerLimits limits;
  int threads = 4;                 ///< for handlers
  std::vector<std::string> hosts;  ///< the only names that the header Host may have, in lower case, without port; empty: any
  /// Makes the body of an error that the server itself finds (400, 404, 405, 408, 413 ...); unset: the text. Runs on the event loop.
  std::function<ServerResponse(int status, const std::string& path, const std::string& text)> error;
};

/// Serves while it lives. What a handler throws becomes a 500 whose body tells nothing, and a line in the log. Requests with framing that
/// two programs could understand differently (RFC 9112, 6.1), an encoded body, or an unknown method are refused, and the connection closed.
class Server {
 public:
  explicit Server(ServerConfig config);
  ~Server();
  /// Before start(). `path` is matched whole; a path that ends with `/` matches all below it. The first route that matches answers.
  void route(std::string_view method, std::string_view path, Handler handler, Guard guard = {});
  /// Listens, and returns. Throws UsageError: the address is no host:port or is taken.
  void start();
  /// Listens no longer, wakes what waits, and returns when every handler and stream has ended. start() cannot be called again. Idempotent;
  /// not for handlers to call.
  void stop();
  /// The port listened on.
  int port() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace p2p::http
