#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "services/chat/bot.hpp"

namespace p2p::chat {

/// What Telegram's errors at bringing updates say about the bot. What lies before the first look does not count: most often it was the
/// bot's own absence. Of looks that follow each other every other alone complains, because a balancer that goes by the bot's readiness
/// would let no update through ever again.
class DeliveryErrors {
 public:
  /// Why no updates arrive; empty: they do, or this is a look that does not say so.
  std::string look(const telegram::WebhookInfo& info);

 private:
  std::optional<std::int64_t> known_;
  bool complained_ = false;
};

/// Looks at the webhook each `every`, until `stop`: sets it again where another program has set or deleted it, and reports to
/// the bot's contact() whether updates arrive. Throws UsageError for a token that Telegram no longer knows. The webhook has been set
/// before.
void keep_webhook(telegram::Api& api, Bot& bot, const std::string& url, const Secret& secret, const std::stop_token& stop,
                  std::chrono::milliseconds every = std::chrono::minutes(1));

}  // namespace p2p::chat
