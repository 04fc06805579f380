#include "app/webhook.hpp"

#include "base/log.hpp"
#include "platform/blob/serve.hpp"
#include "platform/blob/signature.hpp"
#include "platform/http/request_reader.hpp"
#include "platform/messages/messages.hpp"
#include "platform/telegram/api.hpp"

namespace p2p::app {

Webhook::Webhook(const AppConfig& config, http::Server& server, Take accept)
    : secret_(config.webhook_secret.empty() ? Secret(blob::to_hex(blob::hmac(config.telegram.token.expose(), "prompt2pic webhook")))
                                            : config.webhook_secret),
      take_(std::move(accept)) {
  const std::string& url = config.webhook_url;
  const std::size_t path = url.find_first_of("/?#", url.find("://") + 3);
  if (path == std::string::npos || url[path] != '/')
    throw UsageError("P2P_TELEGRAM_WEBHOOK_URL has no path; it takes an address such as https://bot.example.org/telegram");
  // Routes match the decoded path, without the query.
  http::ServerRequest asked;
  if (!http::read_target(url.substr(path), asked)) throw UsageError("P2P_TELEGRAM_WEBHOOK_URL has a path that is wrongly encoded");
  server.route(
      "POST", asked.path, [this](const http::ServerRequest& request) { return take(request); },
      [this](const http::ServerRequest& request) -> std::optional<http::ServerResponse> {
        if (blob::same_secret(request.header("x-telegram-bot-api-secret-token"), secret_.expose())) return std::nullopt;
        log::warn("a call of the webhook without the secret");
        return http::ServerResponse{.status = 401, .body = "wrong secret\n"};
      });
}

http::ServerResponse Webhook::take(const http::ServerRequest& request) const {
  const auto update = telegram::parse_update(request.body);
  if (!update) return {.status = 400, .body = "not an update\n"};
  const auto kept = std::make_shared<std::atomic<bool>>(false);
  const bool is_taken = take_(*update, [kept, wake = request.wake] {
    *kept = true;
    wake();
  });
  if (!is_taken) return {.status = 503, .body = "try again\n"};
  constexpr std::chrono::seconds kPatience{10};
  return {.later = [kept, until = std::chrono::steady_clock::now() + kPatience]() -> std::optional<http::ServerResponse> {
            if (*kept) return http::ServerResponse{.content_type = "application/json", .body = "{}"};
            if (std::chrono::steady_clock::now() < until) return std::nullopt;
            return http::ServerResponse{.status = 503, .body = "try again\n"};  // not stored: Telegram sends it again
          },
          .pause = kPatience};
}

void serve_pictures(http::Server& server, blob::BlobStore& store, const Secret& link_key) {
  constexpr std::string_view kPath = "/pictures/";
  const auto key_of = [kPath](const http::ServerRequest& request) { return request.path.substr(kPath.size()); };
  server.route(
      "GET", kPath,
      [&store, key_of](const http::ServerRequest& request) -> http::ServerResponse {
        try {
          return blob::serve_picture(store, key_of(request));
        } catch (const blob::BlobError& error) {
          if (error.kind() == blob::BlobError::Kind::missing) return {.status = 404, .body = "the picture was deleted\n"};
          log::warn("a picture could not be read", {{"error", error.what()}});
          return {.status = 503, .body = "the store of pictures does not answer; try again later\n"};
        }
      },
      [link_key, key_of](const http::ServerRequest& request) -> std::optional<http::ServerResponse> {
        const std::string key = key_of(request);
        if (messages::is_image_key(key) &&
            blob::link_is_valid(link_key, key, request.query_value("expires"), request.query_value("signature"), now()))
          return std::nullopt;
        return http::ServerResponse{.status = 403, .body = "this link is invalid or has expired\n"};
      });
}

}  // namespace p2p::app
