#pragma once

#include <chrono>
#include <string>

#include "platform/blob/blob_store.hpp"
#include "platform/http/server.hpp"
#include "platform/metrics/metrics.hpp"
#include "services/api/clients.hpp"
#include "services/api/openai.hpp"
#include "services/api/pictures.hpp"
#include "services/api/responses.hpp"
#include "services/api/waiting_calls.hpp"
#include "services/dispatch/dispatch.hpp"
#include "services/requests/client.hpp"

namespace p2p::api {

struct RoutesConfig {
  std::string model;                      ///< default for bodies without one
  std::chrono::seconds link_ttl{0};       ///< lifetime of links to pictures
  std::string public_url;                 ///< public address of the server; empty: the address that the client used
  Secret link_key;                        ///< signs links to pictures: see blob::link_path()
  std::chrono::seconds wait{600};         ///< how long calls wait by default
  std::size_t waiting = 4000;             ///< calls that may wait at the same time; beyond: 503
  std::size_t waiting_per_client = 1000;  ///< the same per client
  std::chrono::seconds keep_alive{10};    ///< maximum interval between two lines of an event stream
  bool cross_origin = false;              ///< whether pages of other sites may call (CORS); only with keys
};

/// The HTTP API: POST /v1/images/generations, GET and DELETE /v1/requests/ID, its events and images, GET /v1/models. docs/openapi.yaml
/// describes it.
class Routes {
 public:
  /// Adds the routes to the server. Keeps the references. They and this object must outlive the server's stop().
  Routes(http::Server& server, requests::Client& requests, const dispatch::Dispatch& dispatch, const Clients& clients,
         blob::BlobStore& store, Metrics& metrics, RoutesConfig config);

 private:
  using Request = http::ServerRequest;
  using Response = http::ServerResponse;

  /// The client of the request. Throws ApiError without a valid key.
  std::string client_of(const Request& request) const;

  /// The client's request; nullopt if there is none.
  std::optional<View> find(const std::string& client, const std::string& id) const;
  Response generate(const Request& request, const std::string& client);
  Response show(const Request& request, const std::string& client);
  /// `what`: the rest of the path: empty, events, images/N.
  Response show(const View& view, const std::string& what, const Request& request, const std::string& client);
  Response stream(const Request& request, const View& view, const std::string& client);
  Response cancel(const Request& request, const std::string& client);
  Response list_models() const;

  requests::Client& requests_;
  const dispatch::Dispatch& dispatch_;
  const Clients& clients_;
  RoutesConfig config_;
  Responses responses_;
  Pictures pictures_;
  WaitingCalls waiting_;
};

}  // namespace p2p::api
