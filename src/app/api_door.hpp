#pragma once

#include <string>
#include <vector>

#include "app/door.hpp"
#include "app/service_process.hpp"
#include "services/api/clients.hpp"
#include "services/api/routes.hpp"

namespace p2p::app {

/// Throws UsageError if everyone who can reach the HTTP server could draw without a key.
void check_reach(const AppConfig& config);

/// The HTTP server's configuration for an API.
http::ServerConfig api_server(const AppConfig& config);

/// The HTTP API, links to pictures and, with P2P_API_PAGE, the web page on a process' HTTP server.
class ApiDoor {
 public:
  /// Adds the routes. `model`: for calls without one. Keeps the references, which must outlive the process' Serving. Throws UsageError for
  /// invalid settings.
  ApiDoor(ServiceProcess& process, Door& door, blob::BlobStore& store, const AppConfig& config, const std::string& model);

  bool asks_for_key() const { return clients_.ask_for_key(); }

 private:
  api::Clients clients_;
  Secret links_;  ///< signs links to pictures
  api::Routes routes_;
};

}  // namespace p2p::app
