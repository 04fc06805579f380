#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/clock.hpp"
#include "base/heartbeat.hpp"
#include "services/chat/conversation/conversation.hpp"

namespace p2p::chat {

struct BotConfig {
  ConversationRules rules;
  std::chrono::seconds link_ttl{604'800};
  /// A prompt that the model draws well, for help texts; empty: none is known. Thread-safe; may be unset.
  std::function<std::string(Language language)> example;
  int calls_per_second =
      27;  ///< to all chats together; Telegram allows about 30, of which other programs with the same token may need some
  std::function<Time()> clock = now;  ///< for tests; thread-safe. A jump of it is noticed when the next update is taken
  Heartbeat::Clock steady_clock = std::chrono::steady_clock::now;  ///< for tests; thread-safe. By it loops are found to be stuck
};

}  // namespace p2p::chat
