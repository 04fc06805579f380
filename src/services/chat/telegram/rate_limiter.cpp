#include "services/chat/telegram/rate_limiter.hpp"

#include <algorithm>

namespace p2p::chat {
namespace {

constexpr std::size_t kInGroup = 19;  // below 20: what other programs do with the same token counts as well
constexpr std::size_t kSpareInAll = 10;
constexpr std::size_t kSpareInGroup = 6;
constexpr std::chrono::milliseconds kEach{1'000};
constexpr std::chrono::milliseconds kBurst{2'000};  // beyond the first call: a status, its picture and one more
constexpr std::chrono::milliseconds kBetweenMessages{1'050};
constexpr std::chrono::milliseconds kUntilSomeEnd{50};

}  // namespace

Time RateLimiter::Window::when_below(std::size_t most, Time now) {
  if (!times_.empty() && times_.back() > now) times_.clear();  // the clock was set back
  while (!times_.empty() && times_.front() + span_ <= now) times_.pop_front();
  return times_.size() < most ? now : times_[times_.size() - most] + span_;
}

std::optional<Time> RateLimiter::take(std::int64_t chat, bool in_group, Call call, Time now) {
  Chat& its = chats_[chat];
  if (its.used > now) its = {};  // the clock was set back
  const bool can_wait = call == Call::progress;
  const std::size_t most = in_all_ - (can_wait ? kSpareInAll : 0);
  const Time free = most > under_way_ ? all_.when_below(most - under_way_, now) : now + kUntilSomeEnd;
  Time at = std::max({now, not_before_, its.not_before, free, its.free_at - (can_wait ? std::chrono::milliseconds(0) : kBurst)});
  if (call == Call::message) at = std::max(at, its.next_message);
  if (in_group) at = std::max(at, its.minute.when_below(kInGroup - (can_wait ? kSpareInGroup : 0), now));
  if (at > now) return at;
  ++under_way_;
  if (in_group) its.minute.add(now);
  its.free_at = std::max(its.free_at, now) + kEach;
  if (call == Call::message) its.next_message = now + kBetweenMessages;
  its.used = now;
  return std::nullopt;
}

void RateLimiter::ended(Time now) {
  --under_way_;
  all_.add(now);
}

void RateLimiter::flooded(std::int64_t chat, std::chrono::seconds retry_after, Time now) {
  const Time until = now + retry_after + std::chrono::milliseconds(100);
  chats_[chat].not_before = until;
  // Two chats at once: it is the bot as a whole.
  if (last_flooded_ != 0 && last_flooded_ != chat && now - last_flood_ < std::chrono::seconds(1))
    not_before_ = std::max(not_before_, until);
  last_flooded_ = chat;
  last_flood_ = now;
}

void RateLimiter::tidy(Time now) {
  std::erase_if(chats_, [&](const auto& item) { return now - item.second.used > std::chrono::minutes(2) && now > item.second.not_before; });
}

}  // namespace p2p::chat
