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
  std::string model;                      ///< where a body names none
  std::chrono::seconds link_ttl{0};       ///< of links to pictures
  std::string public_url;                 ///< how the server is reached; empty: as the caller did
  Secret link_key;                        ///< signs links to pictures: see blob::link_path()
  std::chrono::seconds wait{600};         ///< for a picture, where the caller does not say
  std::size_t waiting = 4000;             ///< calls that may wait at once; beyond, 503
  std::size_t waiting_per_client = 1000;  ///< of those
  std::chrono::seconds sign_of_life{10};  ///< between two lines of a stream of events
  bool cross_origin = false;              ///< whether pages of other sites may call: with keys alone
};

/// The HTTP API: POST /v1/images/generations, GET and DELETE /v1/requests/ID, its events and images, GET /v1/models. docs/openapi.yaml
/// describes it.
class Routes {
 public:
  /// Adds them to the server. Keeps the references, which have to outlive the server's stop(); so has this.
  Routes(http::Server& server, requests::Client& requests, const dispatch::Dispatch& dispatch, const Clients& clients,
         blob::BlobStore& store, Metrics& metrics, RoutesConfig config);

 private:
  using Request = http::ServerRequest;
  using Response = http::ServerResponse;

  /// What `handle` answers, as the API's error where it throws one; also what it answers later.
  Response answer(const char* route, const std::function<Response()>& handle);
  /// Headers of every answer, and its count.
  void finish(const char* route, Response& response) const;
  /// The client that sent the request. Throws ApiError: it shows no key.
  std::string client_of(const Request& request) const;
  std::shared_ptr<void> wait_for(const std::string& client);

  /// The client's request; nothing where there is none.
  std::optional<View> find(const std::string& client, const std::string& id) const;
  Response generate(const Request& request, const std::string& client);
  Response show(const Request& request, const std::string& client);
  /// `what`: the rest of the path: nothing, events, images/N.
  Response show(const View& view, const std::string& what, const Request& request, const std::string& client);
  Response show_picture(const View& view, const std::string& number);
  /// What `read` reads of the store. Throws ApiError.
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
  std::map<std::string, std::size_t> waiting_;  ///< calls that wait, by client
  std::size_t all_waiting_ = 0;
};

/// The body of an error that the HTTP server finds: JSON below /v1, else text. For http::ServerConfig.
http::ServerResponse error_answer(int status, const std::string& path, const std::string& text);

}  // namespace p2p::api
