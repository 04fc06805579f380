#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "base/clock.hpp"
#include "base/heartbeat.hpp"
#include "platform/blob/blob_store.hpp"
#include "platform/bus/bus.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/telegram/api.hpp"
#include "services/bot/contact.hpp"
#include "services/bot/state.hpp"
#include "services/dispatch/dispatch.hpp"
#include "services/requests/client.hpp"

namespace p2p::bot {

struct BotConfig {
  std::string username;  ///< the bot's own, without @
  std::string model;     ///< that draws
  std::set<std::int64_t> admins;
  std::set<std::int64_t> allow;  ///< empty: everyone
  std::set<std::int64_t> block;
  int user_queue = 20;
  std::optional<int> user_per_day;
  std::chrono::seconds link_ttl{604'800};
  std::optional<int> keep_days;
  int calls_per_second = 27;  ///< to all chats together; Telegram takes about 30, of which other programs with the same token may need some
  std::function<Time()> clock = now;  ///< for tests; thread-safe. A jump of it is noticed when the next update is taken
  Heartbeat::Clock steady_clock = std::chrono::steady_clock::now;  ///< for tests; thread-safe. By it loops are known to be stuck
};

/// Takes updates, keeps what was asked, publishes it as a request, shows what becomes of it. A request that take() took is answered once,
/// whatever dies in between.
class Bot {
 public:
  /// Keeps the references. `requests` and `dispatch` are run by the caller.
  Bot(telegram::Api& api, bus::Bus& bus, const requests::Client& requests, const dispatch::Dispatch& dispatch, blob::BlobStore& store,
      State& state, Metrics& metrics, BotConfig config);
  ~Bot();

  /// Takes one update of Telegram, at once. `kept` is called once, from the thread of run(), when the update is kept, was seen before or is
  /// of no use; it must not block. Where run() ends first it is dropped uncalled: the update is to be offered again. Thread-safe.
  void take(const Json& update, std::function<void()> kept);

  /// For the loop that gets updates or keeps the webhook.
  Contact& contact();

  /// Works until `stop`; then sends what is ready to be sent, and returns.
  void run(const std::stop_token& stop);

  /// Why it cannot work at the moment; empty: it can. Thread-safe.
  std::string problem() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace p2p::bot
