#include "app/webhook.hpp"

#include "base/json.hpp"
#include "base/log.hpp"
#include "platform/blob/signature.hpp"
#include "platform/messages/messages.hpp"

namespace p2p::app {

Webhook::Webhook(const AppConfig& config, http::Server& server, std::atomic<bot::Bot*>& bot)
    : secret_(config.webhook_secret.empty() ? Secret(blob::to_hex(blob::hmac(config.telegram.token.expose(), "prompt2pic webhook")))
                                            : config.webhook_secret),
      bot_(bot) {
  const std::size_t path = config.webhook_url.find('/', config.webhook_url.find("://") + 3);
  if (path == std::string::npos)
    throw UsageError("P2P_TELEGRAM_WEBHOOK_URL has no path; it takes an address such as https://bot.example.org/telegram");
  server.route("POST", config.webhook_url.substr(path), [this](const http::ServerRequest& request) { return take(request); });
}

http::ServerResponse Webhook::take(const http::ServerRequest& request) const {
  if (!blob::same_secret(request.header("x-telegram-bot-api-secret-token"), secret_.expose())) {
    log::warn("somebody without the secret called the webhook");
    return {.status = 401, .body = "the secret is wrong\n"};
  }
  bot::Bot* const bot = bot_;
  if (!bot) return {.status = 503, .body = "starting\n"};
  Json update;
  try {
    update = parse_json(request.body, "update", 64);
  } catch (const Error&) {
    return {.status = 400, .body = "this is no update\n"};
  }
  // Not kept: Telegram brings it again.
  if (!bot->take(update, std::chrono::seconds(10))) return {.status = 503, .body = "try again\n"};
  return {.content_type = "application/json", .body = "{}"};
}

void serve_pictures(http::Server& server, blob::BlobStore& store, const Secret& link_key) {
  constexpr std::string_view kPath = "/pictures/";
  server.route("GET", kPath, [&store, link_key, kPath](const http::ServerRequest& request) -> http::ServerResponse {
    const std::string key = request.path.substr(kPath.size());
    if (!messages::is_image_key(key) ||
        !blob::link_is_valid(link_key, key, request.query_value("expires"), request.query_value("signature"), now())) {
      return {.status = 403, .body = "this link is wrong or has expired\n"};
    }
    try {
      return {.content_type = "image/png", .body = store.get(key)};
    } catch (const blob::BlobError& error) {
      if (error.kind() == blob::BlobError::Kind::missing) return {.status = 404, .body = "this picture is gone\n"};
      throw;
    }
  });
}

}  // namespace p2p::app
