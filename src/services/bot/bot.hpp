#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "platform/blob/blob_store.hpp"
#include "platform/bus/bus.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/telegram/api.hpp"
#include "services/bot/state.hpp"

namespace p2p::bot {

struct BotConfig {
  std::string username;  ///< the bot's own, without @
  std::string model;     ///< that draws
  std::set<std::int64_t> admins;
  std::set<std::int64_t> allow;  ///< empty: everyone
  std::set<std::int64_t> block;
  int user_in_flight = 2;
  int user_queue = 20;
  std::optional<int> user_per_day;
  std::chrono::seconds link_ttl{604'800};
  std::optional<int> keep_days;
  int calls_per_second = 27;  ///< to all chats together; Telegram takes about 30, of which other programs with the same token may need some
  std::chrono::milliseconds worker_grace =
      std::chrono::seconds(15);  ///< how long a model may have no worker, ever, before requests for it are refused
};

/// Takes updates, keeps what was asked, has it drawn by the workers, shows it. A request that take() took is answered once, whatever dies
/// in between.
class Bot {
 public:
  /// Keeps the references.
  Bot(telegram::Api& api, bus::Bus& bus, blob::BlobStore& store, State& state, Metrics& metrics, BotConfig config);
  ~Bot();

  /// Takes one update of Telegram; returns when it is kept (or was seen before, or is of no use). False if that took longer than
  /// `patience`: offer it again. Thread-safe; run() has to run.
  bool take(const Json& update, std::chrono::milliseconds patience);

  /// Works until `stop`; then sends what is ready to be sent, and returns.
  void run(const std::stop_token& stop);

  /// Why it cannot work at the moment; empty: it can. Thread-safe.
  std::string problem() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace p2p::bot
