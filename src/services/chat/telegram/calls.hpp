#pragma once

#include <functional>
#include <optional>
#include <string>

#include "platform/metrics/metrics.hpp"
#include "platform/telegram/api.hpp"
#include "services/chat/event_loop.hpp"
#include "services/chat/presenter/attempt.hpp"
#include "services/chat/telegram/call_pool.hpp"
#include "services/chat/telegram/rate_limiter.hpp"

namespace p2p::chat {

/// Calls to Telegram, on threads of their own and within its limits. For the event loop's thread.
class Calls {
 public:
  using Result = telegram::Result<std::int64_t>;  ///< the new message's id; 0 of an edit
  enum class Pool {
    text,
    picture,  ///< the picture is read from the store first, which may take long
  };
  static constexpr int kPictureCalls = 8;  ///< at once

  /// Keeps the references. `per_second`: calls to all chats together.
  Calls(telegram::Api& api, EventLoop& loop, Metrics& metrics, std::size_t per_second)
      : api_(api),
        loop_(loop),
        metrics_(metrics),
        floods_(metrics.counter("prompt2pic_telegram_flood_total", "Calls that Telegram refused for their number.")),
        rate_limiter_(per_second) {}

  void start();
  /// Waits for the calls under way; drops the others.
  void stop();

  /// Takes a place within the limits, which `run` gives back; if there is none, or `attempt` waits for its repetition, returns when to ask
  /// again.
  std::optional<Time> wait_for(const Attempt& attempt, std::int64_t chat, bool in_group, RateLimiter::Call call);
  /// Telegram refused a call and asks to wait.
  void flooded(std::int64_t chat, std::chrono::seconds retry_after) { rate_limiter_.flooded(chat, retry_after, loop_.now()); }
  /// Forgets chats that have been quiet.
  void tidy() { rate_limiter_.tidy(loop_.now()); }

  /// Makes `call`, for which a place was taken, and gives its result to `finish` in the event loop. `step`: the label of metrics.
  void run(Pool pool, const char* step, std::function<Result(telegram::Api&)> call, std::function<void(const Result&)> finish);
  /// Answers a button press, which no other call may delay; if that fails, nothing is repeated.
  void answer_query(const std::string& query_id, const std::string& text, bool alert);

 private:
  void count(const char* step, const Result& result, std::chrono::duration<double> time);

  telegram::Api& api_;
  EventLoop& loop_;
  Metrics& metrics_;
  const Counter floods_;
  RateLimiter rate_limiter_;
  std::optional<CallPool> texts_;
  std::optional<CallPool> pictures_;
  std::optional<CallPool> queries_;
};

/// An edit returns no id, and one that would change nothing has succeeded.
inline Calls::Result as_id(const telegram::Result<bool>& result) {
  if (!result && result.error().kind != telegram::Failure::Kind::not_modified) return std::unexpected(result.error());
  return 0;
}

}  // namespace p2p::chat
