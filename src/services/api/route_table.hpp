#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "platform/http/server.hpp"
#include "services/api/clients.hpp"
#include "services/api/responses.hpp"

namespace p2p::api {

/// Adds routes for known clients to a server.
class RouteTable {
 public:
  using Handle = std::function<http::ServerResponse(const http::ServerRequest& request, const std::string& client)>;

  /// Keeps the references, which the routes use.
  RouteTable(http::Server& server, const Clients& clients, const Responses& responses)
      : server_(server), clients_(clients), responses_(responses) {}

  /// `name`: for metrics. `body`: the media type of its body, for POST.
  void add(const char* method, std::string_view path, const char* name, Handle handle, const char* body = "application/json") const;

 private:
  http::Server& server_;
  const Clients& clients_;
  const Responses& responses_;
};

}  // namespace p2p::api
