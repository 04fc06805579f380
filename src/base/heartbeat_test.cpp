#include "base/heartbeat.hpp"

#include <gtest/gtest.h>

namespace p2p {
namespace {

TEST(Heartbeat, AgesUntilItIsStamped) {
  std::chrono::steady_clock::time_point time{std::chrono::hours(1)};
  Heartbeat beat([&] { return time; });
  EXPECT_EQ(beat.age(), std::chrono::seconds(0));
  time += std::chrono::seconds(61);
  EXPECT_EQ(beat.age(), std::chrono::seconds(61));
  beat.stamp();
  EXPECT_EQ(beat.age(), std::chrono::seconds(0));
}

TEST(Heartbeat, NamesTheLoopThatIsStuck) {
  std::chrono::steady_clock::time_point time;
  Heartbeat reading([&] { return time; });
  Heartbeat writing([&] { return time; });
  const auto stuck = [&] { return Heartbeat::stuck({{reading, "the events"}, {writing, "the database"}}); };
  time += std::chrono::seconds(60);
  EXPECT_EQ(stuck(), "");
  reading.stamp();
  time += std::chrono::seconds(10);
  EXPECT_EQ(stuck(), "stuck for 70 s at the database");
  writing.stamp();
  EXPECT_EQ(stuck(), "");
}

TEST(Heartbeat, FollowsTheSteadyClock) {
  const Heartbeat beat;
  EXPECT_GE(beat.age().count(), 0);
  EXPECT_LT(beat.age(), std::chrono::minutes(1));
}

}  // namespace
}  // namespace p2p
