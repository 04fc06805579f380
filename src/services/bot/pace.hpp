#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "base/clock.hpp"

namespace p2p::bot {

/// Telegram's limits on what a bot sends: about 30 a second in all, 1 a second in a chat (a few at once are let through), 20 a minute in a
/// group; and the waits that Telegram asks for. Not thread-safe.
class Pace {
 public:
  /// Takes a place for a call to this chat; where there is none, gives the time to ask again. What is not urgent leaves places for what is.
  std::optional<Time> take(std::int64_t chat, bool in_group, bool urgent, Time now);

  /// Telegram refused a call and asks to wait.
  void flooded(std::int64_t chat, std::chrono::seconds retry_after, Time now);

  /// Forgets chats that have been quiet.
  void tidy(Time now);

 private:
  struct Bucket {
    double most;
    double per_second;
    double tokens;
    Time filled;
    void fill(Time now);
    /// When it will hold `count`.
    Time when(double count) const;
  };
  struct Chat {
    Bucket second;
    Bucket minute;
    Time not_before;
  };

  Bucket all_{25, 25, 25, {}};  // below 30: other bots of the same owner share the address
  std::map<std::int64_t, Chat> chats_;
  Time not_before_;
  std::int64_t last_flooded_ = 0;
  Time last_flood_;
};

}  // namespace p2p::bot
