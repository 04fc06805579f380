#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "platform/http/client.hpp"

namespace p2p::http {

struct ServerRequest {
  std::string method;
  std::string path;    ///< decoded, without the query
  HeaderList query;    ///< decoded
  HeaderList headers;  ///< names in lower case
  std::string body;

  std::string_view header(std::string_view name) const;
  std::string_view query_value(std::string_view name) const;
};

struct ServerResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  HeaderList headers;
  /// Where it is set, the body comes in pieces: called for one after the other, from the request's thread, until it returns false or the
  /// caller is gone. An empty piece is none.
  std::function<bool(std::string& piece)> stream;
};

using Handler = std::function<ServerResponse(const ServerRequest&)>;

struct ServerConfig {
  std::string listen;               ///< host:port; port 0 takes a free one
  std::size_t max_body = 1u << 20;  ///< bytes; a larger request gets 413
  int threads = 4;
};

/// Serves while it lives. Handlers run on several threads; what they throw becomes a 500 whose body tells nothing and a line in the log.
class Server {
 public:
  /// Routes are added before start().
  explicit Server(ServerConfig config);
  ~Server();
  /// `path` is matched whole; a path that ends with `/` matches all below it.
  void route(std::string_view method, std::string_view path, Handler handler);
  /// Listens, and returns. Throws UsageError: the address is no host:port or is taken.
  void start();
  /// Listens no longer, and returns when every handler and stream has. start() cannot be called again.
  void stop();
  /// The port listened on.
  int port() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace p2p::http
