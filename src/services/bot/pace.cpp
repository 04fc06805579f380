#include "services/bot/pace.hpp"

#include <algorithm>

namespace p2p::bot {

void Pace::Bucket::fill(Time now) {
  if (now > filled) tokens = std::min(most, tokens + per_second * std::chrono::duration<double>(now - filled).count());
  filled = now;
}

Time Pace::Bucket::when(double count) const {
  return filled + std::chrono::milliseconds(static_cast<std::int64_t>(std::max(0.0, count - tokens) / per_second * 1000) + 1);
}

std::optional<Time> Pace::take(std::int64_t chat, bool in_group, bool urgent, Time now) {
  // Of three calls to a chat at once one status, its picture and a reply; of 20 a minute in a group most are for answers.
  const auto found =
      chats_.try_emplace(chat, Chat{{3, 1, 3, now}, {in_group ? 18.0 : 60.0, in_group ? 18.0 / 60 : 1.0, in_group ? 18.0 : 60.0, now}, {}})
          .first;
  Chat& its = found->second;
  all_.fill(now);
  its.second.fill(now);
  its.minute.fill(now);
  if (const Time until = std::max(not_before_, its.not_before); now < until) return until;
  const double spare = urgent ? 0 : 1;
  const double spare_all = urgent ? 0 : 10;
  const double spare_minute = urgent ? 0 : 6;
  const Time at = std::max({all_.tokens >= 1 + spare_all ? now : all_.when(1 + spare_all),
                            its.second.tokens >= 1 + spare ? now : its.second.when(1 + spare),
                            its.minute.tokens >= 1 + spare_minute ? now : its.minute.when(1 + spare_minute)});
  if (at > now) return at;
  all_.tokens -= 1;
  its.second.tokens -= 1;
  its.minute.tokens -= 1;
  return std::nullopt;
}

void Pace::flooded(std::int64_t chat, std::chrono::seconds retry_after, Time now) {
  const Time until = now + retry_after + std::chrono::milliseconds(100);
  chats_.try_emplace(chat, Chat{{3, 1, 0, now}, {60, 1, 0, now}, {}}).first->second.not_before = until;
  // Two chats at once: it is the bot as a whole.
  if (last_flooded_ != 0 && last_flooded_ != chat && now - last_flood_ < std::chrono::seconds(1))
    not_before_ = std::max(not_before_, until);
  last_flooded_ = chat;
  last_flood_ = now;
}

void Pace::tidy(Time now) {
  std::erase_if(
      chats_, [&](const auto& item) { return now - item.second.second.filled > std::chrono::minutes(2) && now > item.second.not_before; });
}

}  // namespace p2p::bot
