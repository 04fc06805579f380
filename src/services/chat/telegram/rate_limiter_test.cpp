#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <vector>

#include "services/chat/telegram/rate_limiter.hpp"

namespace p2p::chat {
namespace {

/// The most of `times` that any second (or `span`) holds.
std::size_t most_within(const std::vector<Time>& times, std::chrono::milliseconds span) {
  std::size_t most = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto end = std::ranges::lower_bound(times, times[i] + span);
    most = std::max(most, static_cast<std::size_t>(end - times.begin()) - i);
  }
  return most;
}

/// When calls go out that are asked for in `chats` each 10 ms for two minutes, and end at once.
std::vector<Time> calls_in(RateLimiter& limiter, int chats, bool in_group, RateLimiter::Call call) {
  std::vector<Time> times;
  const Time start = from_millis(1'000'000);
  for (auto at = start; at < start + std::chrono::minutes(2); at += std::chrono::milliseconds(10)) {
    for (int chat = 1; chat <= chats; ++chat) {
      if (limiter.take(chat, in_group, call, at)) continue;
      times.push_back(at);
      limiter.ended(at);
    }
  }
  return times;
}

constexpr std::chrono::seconds kSecond{1};
constexpr std::chrono::seconds kMinute{60};

TEST(RateLimiter, AChatGetsOneNewMessageASecond) {
  RateLimiter limiter;
  const auto times = calls_in(limiter, 1, false, RateLimiter::Call::message);
  EXPECT_EQ(most_within(times, kSecond), 1u);
  EXPECT_GE(times.size(), 110u);
}

TEST(RateLimiter, AChatGetsAnAnswerASecondAfterAFewAtOnce) {
  RateLimiter limiter;
  const auto times = calls_in(limiter, 1, false, RateLimiter::Call::answer);
  EXPECT_EQ(most_within(times, kSecond), 3u);
  EXPECT_LE(times.size(), 123u);
  EXPECT_GE(times.size(), 118u);
}

TEST(RateLimiter, AGroupGetsLessThanTwentyAMinute) {
  RateLimiter limiter;
  const auto times = calls_in(limiter, 1, true, RateLimiter::Call::answer);
  EXPECT_EQ(most_within(times, kMinute), 19u);
  EXPECT_EQ(times.size(), 38u);
}

TEST(RateLimiter, AllChatsTogetherGetLessThanThirtyASecond) {
  RateLimiter limiter;
  EXPECT_EQ(most_within(calls_in(limiter, 100, false, RateLimiter::Call::answer), kSecond), 27u);
}

TEST(RateLimiter, CallsThatAreHeldUpOnTheirWayArriveWithinTheLimit) {
  RateLimiter limiter;
  std::vector<Time> arrivals;
  std::multimap<Time, int> ends;
  const Time start = from_millis(1'000'000);
  for (auto at = start; at < start + kMinute; at += std::chrono::milliseconds(10)) {
    for (; !ends.empty() && ends.begin()->first <= at; ends.erase(ends.begin())) limiter.ended(at);
    for (int chat = 1; chat <= 100; ++chat) {
      if (limiter.take(chat, false, RateLimiter::Call::answer, at)) continue;
      // A busy machine: whatever was called for within a second and a half arrives at its end.
      const Time arrives = start + (1 + (at - start) / std::chrono::milliseconds(1'500)) * std::chrono::milliseconds(1'500);
      arrivals.push_back(arrives);
      ends.emplace(arrives, chat);
    }
  }
  std::ranges::sort(arrivals);
  EXPECT_EQ(most_within(arrivals, kSecond), 27u);
  EXPECT_GE(arrivals.size(), 20u * 27u);
}

TEST(RateLimiter, ProgressLeavesPlaces) {
  RateLimiter limiter;
  const auto times = calls_in(limiter, 100, false, RateLimiter::Call::progress);
  EXPECT_EQ(most_within(times, kSecond), 17u);
  EXPECT_FALSE(limiter.take(1000, false, RateLimiter::Call::answer, times.back())) << "there is one for an answer";
}

TEST(RateLimiter, AClockThatIsSetBackHoldsNothingUp) {
  RateLimiter limiter;
  const auto late = calls_in(limiter, 1, true, RateLimiter::Call::message).back();
  EXPECT_FALSE(limiter.take(1, true, RateLimiter::Call::message, late - std::chrono::minutes(5)));
}

TEST(RateLimiter, WaitsAsLongAsTelegramAsks) {
  using enum RateLimiter::Call;
  RateLimiter limiter;
  const Time start = from_millis(1'000'000);
  limiter.flooded(1, std::chrono::seconds(7), start);
  EXPECT_GE(limiter.take(1, false, answer, start).value(), start + std::chrono::seconds(7));
  EXPECT_FALSE(limiter.take(2, false, answer, start)) << "another chat is free";
  limiter.flooded(2, std::chrono::seconds(7), start);
  EXPECT_TRUE(limiter.take(3, false, answer, start)) << "two chats at once: all wait";
  EXPECT_FALSE(limiter.take(1, false, answer, start + std::chrono::seconds(8)));
}

}  // namespace
}  // namespace p2p::chat
