#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "platform/blob/blob_store.hpp"
#include "platform/http/server.hpp"
#include "platform/metrics/metrics.hpp"
#include "services/api/api.hpp"
#include "services/api/clients.hpp"
#include "services/api/openai.hpp"

namespace p2p::api {

struct RoutesConfig {
  std::string model;                      ///< where a body names none
  std::chrono::seconds link_ttl{0};       ///< of links to pictures
  std::string public_url;                 ///< how the server is reached; empty: as the caller did
  int waiting = 200;                      ///< calls that may wait at once; beyond, they are answered 202 at once
  std::chrono::seconds sign_of_life{10};  ///< between two lines of a stream of events
};

/// The HTTP API: POST /v1/images/generations, GET and DELETE /v1/requests/ID, its events and images, GET /v1/models. docs/openapi.yaml
/// describes it.
class Routes {
 public:
  /// Adds them to the server. Keeps the references, which have to outlive the server's stop().
  Routes(http::Server& server, Api& api, const Clients& clients, blob::BlobStore& store, Metrics& metrics, RoutesConfig config);

 private:
  using Request = http::ServerRequest;
  using Response = http::ServerResponse;

  /// What `handle` answers to the client, as the API's error where it throws one.
  template <typename Handle>
  Response answer(const char* route, const Request& request, const Handle& handle);

  Response generate(const Request& request, const std::string& client);
  Response show(const Request& request, const std::string& client);
  Response show_picture(const View& view, const std::string& number);
  /// The picture's bytes. Throws ApiError.
  std::string picture(const messages::StoredImage& image) const;
  Response stream(const Request& request, const View& view, const std::string& client);
  Response cancel(const Request& request, const std::string& client);
  Response list_models() const;
  View view_of(const std::string& id, const std::string& client) const;
  ImageJson images_as(Format format, const Request& request) const;

  Api& api_;
  const Clients& clients_;
  blob::BlobStore& store_;
  Metrics& metrics_;
  RoutesConfig config_;
  std::atomic<int> waiting_ = 0;
};

}  // namespace p2p::api
