#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "platform/http/server.hpp"
#include "services/api/clients.hpp"
#include "services/api/responses.hpp"

namespace p2p::api {

/// What bodies of POST a route takes.
struct RouteBody {
  std::string_view media_type = "application/json";
  http::Body size = http::Body::small;
};
inline constexpr RouteBody kJsonBody;
inline constexpr RouteBody kJsonWithFile{.size = http::Body::file};
inline constexpr RouteBody kForm{.media_type = "multipart/form-data", .size = http::Body::file};

/// Adds routes for known clients to a server.
class RouteTable {
 public:
  using Handle = std::function<http::ServerResponse(const http::ServerRequest& request, const std::string& client)>;

  /// Keeps the references, which the routes use.
  RouteTable(http::Server& server, const Clients& clients, const Responses& responses)
      : server_(server), clients_(clients), responses_(responses) {}

  /// `name`: for metrics.
  void add(const char* method, std::string_view path, const char* name, Handle handle, RouteBody body = kJsonBody) const;

 private:
  http::Server& server_;
  const Clients& clients_;
  const Responses& responses_;
};

}  // namespace p2p::api
