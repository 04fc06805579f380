#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "base/clock.hpp"

namespace p2p::chat {

/// Telegram's limits on what a bot sends: about 30 calls a second in all, 1 a second in a chat (a few at once are let through, but never
/// two new messages), 20 a minute in a group; and the waits that Telegram asks for. Not thread-safe.
class RateLimiter {
 public:
  enum class Call {
    message,   ///< a new message
    answer,    ///< an edit that someone waits for
    progress,  ///< an edit that can be left out: leaves places for what cannot
  };

  /// `in_all`: calls a second to all chats together, more than 10.
  explicit RateLimiter(std::size_t in_all = 27) : in_all_(in_all) {}

  /// Takes a place for a call to this chat, which `ended` gives back; where there is none, gives the time to ask again.
  std::optional<Time> take(std::int64_t chat, bool in_group, Call call, Time now);

  /// A call for which a place was taken has ended. It counts for a second from here: when it reached Telegram is not known, only that it
  /// has.
  void ended(Time now);

  /// Telegram refused a call and asks to wait.
  void flooded(std::int64_t chat, std::chrono::seconds retry_after, Time now);

  /// Forgets chats that have been quiet.
  void tidy(Time now);

 private:
  /// Calls of the last `span`, however that is laid.
  class Window {
   public:
    explicit Window(std::chrono::milliseconds span) : span_(span) {}
    /// When there will be fewer than `most`, which is more than 0.
    Time when_below(std::size_t most, Time now);
    void add(Time now) { times_.push_back(now); }

   private:
    std::chrono::milliseconds span_;
    std::deque<Time> times_;
  };
  struct Chat {
    Window minute{std::chrono::seconds(60)};
    Time free_at;  ///< calls spaced by a second would end here; how far that is ahead of now is what a burst has borrowed
    Time next_message;
    Time not_before;
    Time used;
  };

  std::size_t in_all_;
  std::size_t under_way_ = 0;
  Window all_{std::chrono::milliseconds(1'050)};  ///< those that have ended
  std::map<std::int64_t, Chat> chats_;
  Time not_before_;
  std::int64_t last_flooded_ = 0;
  Time last_flood_;
};

}  // namespace p2p::chat
