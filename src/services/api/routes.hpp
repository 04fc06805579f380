#pragma once

#include <chrono>
#include <string>

#include "platform/blob/blob_store.hpp"
#include "platform/http/server.hpp"
#include "platform/metrics/metrics.hpp"
#include "services/api/clients.hpp"
#include "services/api/generation_calls.hpp"
#include "services/api/openai.hpp"
#include "services/api/pictures.hpp"
#include "services/api/responses.hpp"
#include "services/api/sdapi_routes.hpp"
#include "services/dispatch/dispatch.hpp"
#include "services/requests/client.hpp"
#include "services/requests/model_catalog.hpp"

namespace p2p::api {

struct RoutesConfig {
  BodyRules body;
  std::chrono::seconds link_ttl{0};  ///< lifetime of links to pictures
  std::string public_url;            ///< public address of the server; empty: the address that the client used
  Secret link_key;                   ///< signs links to pictures: see blob::link_path()
  WaitRules waiting;
  std::chrono::seconds keep_alive{10};  ///< maximum interval between two lines of an event stream
  bool cross_origin = false;            ///< whether pages of other sites may call (CORS); only with keys
};

/// The HTTP API: POST /v1/images/generations, edits and variations, GET and DELETE /v1/requests/ID, its events, preview and images, GET
/// /v1/models; docs/openapi.yaml describes it. And that of SdapiRoutes.
class Routes {
 public:
  /// Adds the routes to the server. Keeps the references. They and this object must outlive the server's stop().
  Routes(http::Server& server, requests::Client& requests, const dispatch::Dispatch& dispatch, const requests::ModelCatalog& catalog,
         const Clients& clients, blob::BlobStore& store, Metrics& metrics, RoutesConfig config);

 private:
  using Request = http::ServerRequest;
  using Response = http::ServerResponse;

  Response draw(const Request& request, const std::string& client, const GenerationsBody& body);
  Response show(const Request& request, const std::string& client);
  /// `what`: the rest of the path: empty, events, preview, images/N.
  Response show(const View& view, const std::string& what, const Request& request, const std::string& client);
  Response stream(const Request& request, const View& view, const std::string& client);
  Response cancel(const Request& request, const std::string& client);
  Response list_models() const;

  requests::Client& requests_;
  const dispatch::Dispatch& dispatch_;
  const requests::ModelCatalog& catalog_;
  RoutesConfig config_;
  Responses responses_;
  Pictures pictures_;
  GenerationCalls calls_;
  std::optional<SdapiRoutes> sdapi_;
};

}  // namespace p2p::api
