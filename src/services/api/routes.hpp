#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "platform/blob/blob_store.hpp"
#include "platform/http/server.hpp"
#include "platform/metrics/metrics.hpp"
#include "services/api/clients.hpp"
#include "services/api/openai.hpp"
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

  /// The response of `handle`, or the error that it throws; also for responses produced later.
  Response answer(const char* route, const std::function<Response()>& handle);
  /// Adds the headers of every response and counts it.
  void finish(const char* route, Response& response) const;
  /// The client of the request. Throws ApiError without a valid key.
  std::string client_of(const Request& request) const;
  std::shared_ptr<void> wait_for(const std::string& client);

  /// The client's request; nullopt if there is none.
  std::optional<View> find(const std::string& client, const std::string& id) const;
  Response generate(const Request& request, const std::string& client);
  Response show(const Request& request, const std::string& client);
  /// `what`: the rest of the path: empty, events, images/N.
  Response show(const View& view, const std::string& what, const Request& request, const std::string& client);
  Response show_picture(const View& view, const std::string& number);
  /// Calls `read` and converts errors of the store to ApiError.
  template <typename Read>
  auto from_store(const std::string& key, const Read& read) const;
  Response stream(const Request& request, const View& view, const std::string& client);
  Response cancel(const Request& request, const std::string& client);
  Response list_models() const;
  ImageJson images_as(Format format, const Request& request) const;

  requests::Client& requests_;
  const dispatch::Dispatch& dispatch_;
  const Clients& clients_;
  blob::BlobStore& store_;
  Metrics& metrics_;
  RoutesConfig config_;
  std::mutex mutex_;
  std::map<std::string, std::size_t> waiting_;  ///< waiting calls by client
  std::size_t all_waiting_ = 0;
};

/// The response for errors of the HTTP server itself: JSON below /v1, otherwise text. For http::ServerConfig.
http::ServerResponse error_answer(int status, const std::string& path, const std::string& text);

}  // namespace p2p::api
