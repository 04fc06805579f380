#include "services/chat/telegram/polling.hpp"

#include <condition_variable>
#include <mutex>

#include "base/log.hpp"
#include "base/pause.hpp"

namespace p2p::chat {
namespace {

/// Whether the bot has kept all of them; false if `stop` came first.
bool keep(Bot& bot, const std::vector<Json>& updates, const std::stop_token& stop) {
  struct Left {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::size_t count = 0;
  };
  const auto left = std::make_shared<Left>();  // outlives a stop
  left->count = updates.size();
  for (const Json& update : updates) {
    bot.take(update, [left] {
      const std::scoped_lock lock(left->mutex);
      --left->count;
      left->changed.notify_one();
    });
  }
  std::unique_lock lock(left->mutex);
  return left->changed.wait(lock, stop, [&] { return left->count == 0; });
}

}  // namespace

void poll_updates(telegram::Api& api, Bot& bot, Metrics& metrics, const std::stop_token& stop) {
  constexpr std::chrono::seconds kPatience{60};
  const Counter failures = metrics.counter("prompt2pic_polling_failures_total", "Failed attempts to get updates.");
  Contact& contact = bot.contact();
  contact.expect(kPatience);
  std::int64_t offset = 0;
  std::chrono::milliseconds wait(0);
  while (!stop.stop_requested()) {
    const auto updates = api.get_updates(offset, std::chrono::seconds(25), [&] { return stop.stop_requested(); });
    if (!updates) {
      if (stop.stop_requested()) return;
      const telegram::Failure& failure = updates.error();
      contact.failed(failure.text);
      failures.add();
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
    contact.seen();
    if (!keep(bot, *updates, stop)) return;  // they are offered again
    for (const Json& update : *updates) offset = std::max(offset, update.at("update_id").get<std::int64_t>() + 1);
  }
}

}  // namespace p2p::chat
