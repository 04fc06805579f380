#include "platform/http/retry_after.hpp"

#include <gmock/gmock.h>

namespace p2p::http {
namespace {

using std::chrono::seconds;
using ::testing::Optional;

const Time kNow = parse_time("2026-11-24T04:00:50Z").value();

std::optional<seconds> wait_for(HeaderList headers) {
  return retry_after({.status = 429, .headers = std::move(headers), .body = {}, .address = {}}, kNow);
}

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_THAT(wait_for({{"retry-after", "55"}}), Optional(seconds(55)));
  EXPECT_THAT(wait_for({{"retry-after", " 0 "}}), Optional(seconds(0)));
  EXPECT_THAT(wait_for({{"retry-after", "1.5"}}), Optional(seconds(2)));
  EXPECT_THAT(wait_for({{"retry-after", "Tue, 24 Nov 2026 04:02:00 GMT"}}), Optional(seconds(70)));
  EXPECT_THAT(wait_for({{"retry-after", "Tue, 24 Nov 2026 03:00:00 GMT"}}), Optional(seconds(0))) << "in the past";
}

TEST(RetryAfter, IsTheResetOfTheRateLimit) {
  EXPECT_THAT(wait_for({{"ratelimit", "\"api\";r=0;t=55"}}), Optional(seconds(55)));
  EXPECT_THAT(wait_for({{"ratelimit", "\"api\";r=0;t=5, \"resolvers\"; r=0; t=300"}}), Optional(seconds(300)));
  EXPECT_THAT(wait_for({{"ratelimit", "limit=100, remaining=0, reset=54"}}), Optional(seconds(54)));
  EXPECT_THAT(wait_for({{"ratelimit-reset", "42"}}), Optional(seconds(42)));
  EXPECT_THAT(wait_for({{"retry-after", "1"}, {"ratelimit", "\"api\";r=0;t=55"}}), Optional(seconds(55))) << "the longest";
}

TEST(RetryAfter, IsNothingWithoutATime) {
  EXPECT_EQ(wait_for({}), std::nullopt);
  for (const char* text : {"", "-5", "soon", "5 minutes", "0x10"}) EXPECT_EQ(wait_for({{"retry-after", text}}), std::nullopt) << text;
  for (const char* text : {"", ";;,,", "\"api\";r=0", "t=", "t=-1", "set=5", "\"t=5\""})
    EXPECT_EQ(wait_for({{"ratelimit", text}}), std::nullopt) << text;
}

TEST(RetryAfter, HasALimit) {
  EXPECT_THAT(wait_for({{"retry-after", "99999999999999999999999"}}), Optional(seconds(86'400'000)));
  EXPECT_THAT(wait_for({{"retry-after", "Tue, 24 Nov 9999 04:02:00 GMT"}}), Optional(seconds(86'400'000)));
}

}  // namespace
}  // namespace p2p::http
