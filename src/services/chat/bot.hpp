#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "platform/blob/blob_store.hpp"
#include "platform/bus/bus.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/telegram/api.hpp"
#include "services/chat/bot_config.hpp"
#include "services/chat/store/chat_store.hpp"
#include "services/chat/telegram/contact.hpp"
#include "services/dispatch/dispatch.hpp"
#include "services/requests/client.hpp"

namespace p2p::chat {

/// The door of Telegram: keeps what people ask for, publishes it as requests, and shows what becomes of them. A request that take() took is
/// answered exactly once, whatever crashes in between.
class Bot {
 public:
  /// Keeps the references. `requests` and `dispatch` are run by the caller. Throws db::DatabaseError.
  Bot(telegram::Api& api, bus::Bus& bus, const requests::Client& requests, const dispatch::Dispatch& dispatch, blob::BlobStore& pictures,
      ChatStore& store, Metrics& metrics, BotConfig config);
  ~Bot();

  /// Takes one update of Telegram and returns at once. `kept` is called once, from the thread of run(), when the update is committed, was
  /// seen before or is of no use; it must not block. If run() ends first it is not called: Telegram sends the update again. Thread-safe.
  void take(const Json& update, std::function<void()> kept);

  /// For the loop that gets updates or watches the webhook. Thread-safe.
  Contact& contact();

  /// Works until `stop`; then waits for the calls under way, at most 16 seconds, and returns.
  void run(const std::stop_token& stop);

  /// Why it cannot work at the moment; empty: it can. Thread-safe.
  std::string problem() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace p2p::chat
