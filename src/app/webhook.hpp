#pragma once

#include <functional>

#include "app/service_process.hpp"
#include "base/json.hpp"

namespace p2p::app {

/// Receives updates from Telegram: a route at the path of the webhook's URL that requires the secret.
class Webhook {
 public:
  /// Takes an update and calls `kept` once it is stored, from any thread. False: not at the moment. Thread-safe.
  using Take = std::function<bool(const Json& update, std::function<void()> kept)>;

  /// Adds the route. Updates that are not taken are refused, so that Telegram sends them again. Throws UsageError for a URL without a path.
  Webhook(const AppConfig& config, http::Server& server, Take accept);
  /// The secret in the settings, or one derived from the token.
  const Secret& secret() const { return secret_; }

 private:
  http::ServerResponse take(const http::ServerRequest& request) const;

  Secret secret_;
  Take take_;
};

/// Adds the route for blob::link_path(). Keeps the reference.
void serve_pictures(http::Server& server, blob::BlobStore& store, const Secret& link_key);

}  // namespace p2p::app
