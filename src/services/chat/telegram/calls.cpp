#include "services/chat/telegram/calls.hpp"

#include <array>

#include "base/log.hpp"

namespace p2p::chat {

void Calls::start() {
  texts_.emplace(8);
  pictures_.emplace(kPictureCalls);
  queries_.emplace(2);
}

void Calls::stop() {
  texts_.reset();
  pictures_.reset();
  queries_.reset();
}

std::optional<Time> Calls::wait_for(const Attempt& attempt, std::int64_t chat, bool in_group, RateLimiter::Call call) {
  const Time at = loop_.now();
  if (attempt.retry_at > at) return attempt.retry_at;
  return rate_limiter_.take(chat, in_group, call, at);
}

void Calls::run(Pool pool, const char* step, std::function<Result(telegram::Api&)> call, std::function<void(const Result&)> finish) {
  (pool == Pool::picture ? pictures_ : texts_)->run([this, step, call = std::move(call), finish = std::move(finish)] {
    const Time start = loop_.now();
    const Result result = call(api_);
    count(step, result, loop_.now() - start);
    loop_.post([this, result, finish] {
      rate_limiter_.ended(loop_.now());
      finish(result);
    });
  });
}

void Calls::answer_query(const std::string& query_id, const std::string& text, bool alert) {
  queries_->run([this, query_id, text, alert] {
    const auto result = api_.answer_callback_query(query_id, text, alert);
    if (!result) log::debug("a button press was not answered", {{"error", result.error().text}});
  });
}

void Calls::count(const char* step, const Result& result, std::chrono::duration<double> time) {
  constexpr std::array<const char*, 16> kNames{"unreachable",  "flood",     "not_modified", "message_gone", "has_media", "reply_gone",
                                               "topic_gone",   "no_rights", "bad_link",     "forbidden",    "chat_gone", "migrated",
                                               "unauthorized", "conflict",  "too_late",     "bad_request"};
  const char* const outcome = result ? "ok" : kNames.at(static_cast<std::size_t>(result.error().kind));
  metrics_.counter("prompt2pic_telegram_calls_total", "Calls to Telegram.", {{"step", step}, {"result", outcome}}).add();
  metrics_.seconds("prompt2pic_telegram_seconds", "Time of calls to Telegram.", {{"step", step}}).observe(time.count());
  if (!result && result.error().kind == telegram::Failure::Kind::flood) floods_.add();
}

}  // namespace p2p::chat
