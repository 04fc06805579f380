#pragma once

#include <atomic>

#include "app/service_process.hpp"
#include "services/chat/bot.hpp"

namespace p2p::app {

/// Where Telegram brings updates: a route at the path of the webhook's URL, open to whoever shows the secret.
class Webhook {
 public:
  /// Adds the route; what comes before `bot` is there is refused, so that Telegram repeats it. Throws UsageError for a URL without a path.
  Webhook(const AppConfig& config, http::Server& server, std::atomic<chat::Bot*>& bot);
  /// The setting's, or one derived from the token.
  const Secret& secret() const { return secret_; }

 private:
  http::ServerResponse take(const http::ServerRequest& request) const;

  Secret secret_;
  std::atomic<chat::Bot*>& bot_;
};

/// The route of blob::link_path(). Keeps the reference.
void serve_pictures(http::Server& server, blob::BlobStore& store, const Secret& link_key);

}  // namespace p2p::app
