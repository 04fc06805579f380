#include "services/chat/telegram/webhook_keeper.hpp"

#include "base/log.hpp"
#include "base/pause.hpp"

namespace p2p::chat {

std::string DeliveryErrors::look(const telegram::WebhookInfo& info) {
  const bool is_new = known_ && info.last_error_at > *known_ && info.pending > 0;
  known_ = info.last_error_at;
  complained_ = is_new && !complained_;
  if (is_new) log::warn("Telegram cannot bring updates", {{"error", info.last_error}, {"waiting", info.pending}});
  return complained_ ? "Telegram cannot bring updates to P2P_TELEGRAM_WEBHOOK_URL: " + info.last_error : "";
}

void keep_webhook(telegram::Api& api, Bot& bot, const std::string& url, const Secret& secret, const std::stop_token& stop,
                  std::chrono::milliseconds every) {
  constexpr std::chrono::seconds kAgain{10};
  Contact& contact = bot.contact();
  contact.expect(std::chrono::duration_cast<std::chrono::seconds>(every) + std::chrono::minutes(1));
  DeliveryErrors errors;
  std::chrono::milliseconds wait(0);
  while (pause(wait, stop)) {
    wait = std::min<std::chrono::milliseconds>(every, kAgain);
    const auto info = api.get_webhook_info();
    if (!info) {
      if (info.error().kind == telegram::Failure::Kind::unauthorized)
        throw UsageError("Telegram no longer knows this token; set P2P_TELEGRAM_TOKEN");
      log::warn("the webhook cannot be looked at", {{"error", info.error().text}});
      contact.failed(info.error().text);
      if (info.error().kind == telegram::Failure::Kind::flood) wait = info.error().retry_after;
      continue;
    }
    if (info->url != url) {
      log::warn(info->url.empty() ? "the webhook was deleted; it is set again" : "another webhook was set; this one is set again");
      if (const auto done = api.set_webhook(url, secret); !done) {
        log::error("the webhook is not set", {{"error", done.error().text}});
        contact.seen("Telegram brings no updates: the webhook is set elsewhere or deleted, and setting it again failed: " +
                     done.error().text);
        continue;
      }
    }
    contact.seen(errors.look(*info));
    wait = every;
  }
}

}  // namespace p2p::chat
