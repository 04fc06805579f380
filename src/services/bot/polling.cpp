#include "services/bot/polling.hpp"

#include "base/log.hpp"
#include "base/pause.hpp"

namespace p2p::bot {

void poll_updates(telegram::Api& api, Bot& bot, Metrics& metrics, const std::stop_token& stop) {
  std::int64_t offset = 0;
  std::chrono::milliseconds wait(0);
  while (!stop.stop_requested()) {
    const auto updates = api.get_updates(offset, std::chrono::seconds(25), [&] { return stop.stop_requested(); });
    if (!updates) {
      if (stop.stop_requested()) return;
      const telegram::Failure& failure = updates.error();
      metrics.counter("prompt2pic_polling_failures_total", "Failed attempts to get updates.").add();
      if (failure.kind == telegram::Failure::Kind::unauthorized)
        throw UsageError("Telegram no longer knows this token; set P2P_TELEGRAM_TOKEN");
      wait = std::clamp(wait * 2, std::chrono::milliseconds(200), std::chrono::milliseconds(10'000));
      if (failure.kind == telegram::Failure::Kind::flood) wait = failure.retry_after;
      log::warn(failure.kind == telegram::Failure::Kind::conflict ? "another program asks for this bot's updates, or a webhook is set"
                                                                  : "updates cannot be had",
                {{"error", failure.text}});
      pause(wait, stop);
      continue;
    }
    wait = {};
    for (const Json& update : *updates) {
      while (!stop.stop_requested() && !bot.take(update, std::chrono::seconds(5))) log::warn("an update could not be kept yet");
      if (stop.stop_requested()) return;  // the rest is offered again
      offset = update.at("update_id").get<std::int64_t>() + 1;
    }
  }
}

}  // namespace p2p::bot
