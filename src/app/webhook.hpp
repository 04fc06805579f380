#pragma once

#include <atomic>

#include "app/service_process.hpp"
#include "services/chat/bot.hpp"

namespace p2p::app {

/// Receives updates from Telegram: a route at the path of the webhook's URL that requires the secret.
class Webhook {
 public:
  /// Adds the route. Updates that arrive before the bot is set are refused, so that Telegram sends them again. Throws UsageError for a URL
  /// without a path.
  Webhook(const AppConfig& config, http::Server& server, std::atomic<chat::Bot*>& bot);
  /// The secret in the settings, or one derived from the token.
  const Secret& secret() const { return secret_; }

 private:
  http::ServerResponse take(const http::ServerRequest& request) const;

  Secret secret_;
  std::atomic<chat::Bot*>& bot_;
};

/// Adds the route for blob::link_path(). Keeps the reference.
void serve_pictures(http::Server& server, blob::BlobStore& store, const Secret& link_key);

}  // namespace p2p::app
