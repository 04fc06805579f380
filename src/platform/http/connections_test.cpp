#include "platform/http/connections.hpp"

#include <gmock/gmock.h>

#include <deque>

namespace p2p::http {
namespace {

using std::chrono::seconds;

class ConnectionsTest : public ::testing::Test {
 protected:
  /// A connection that has been in the phase for `for_seconds`.
  Seat& seat(const std::string& address, Seat::Phase phase = Seat::Phase::idle, int for_seconds = 0) {
    Seat& made = seats.emplace_back(Seat{.address = address, .phase = phase, .since = start - seconds(for_seconds)});
    made.close = [this, &made] {
      closed.push_back(made.address);
      connections.leave(made);
    };
    return made;
  }

  const Connections::Clock::time_point start = Connections::Clock::now();
  std::deque<Seat> seats;
  std::vector<std::string> closed;
  Connections connections{
      {.connections = 3, .connections_per_address = 2, .requests_per_second = 10, .buffered_bytes = 100'000, .buffered_files = 200'000}};
};

TEST_F(ConnectionsTest, LimitsConnectionsPerAddress) {
  Seat& first = seat("a");
  EXPECT_TRUE(connections.enter(first));
  EXPECT_TRUE(connections.enter(seat("a")));
  EXPECT_FALSE(connections.enter(seat("a")));
  connections.leave(first);
  EXPECT_TRUE(connections.enter(seat("a")));
  EXPECT_THAT(closed, ::testing::IsEmpty());
}

TEST_F(ConnectionsTest, FullServerClosesLongestIdleThenLongestReading) {
  for (Seat* const each :
       {&seat("busy", Seat::Phase::busy, 50), &seat("slow", Seat::Phase::reading, 40), &seat("idle", Seat::Phase::idle, 5)})
    EXPECT_TRUE(connections.enter(*each));
  EXPECT_TRUE(connections.enter(seat("x", Seat::Phase::busy)));
  EXPECT_THAT(closed, ::testing::ElementsAre("idle"));
  EXPECT_TRUE(connections.enter(seat("y", Seat::Phase::busy)));
  EXPECT_THAT(closed, ::testing::ElementsAre("idle", "slow"));
  EXPECT_FALSE(connections.enter(seat("z"))) << "all are busy";
}

TEST_F(ConnectionsTest, TooManyBytesCloseSlowest) {
  Seat& slow = seat("slow", Seat::Phase::sending, 9);
  Seat& quick = seat("quick", Seat::Phase::sending, 1);
  Seat& mine = seat("mine", Seat::Phase::reading);
  for (Seat* const each : {&slow, &quick, &mine}) connections.enter(*each);
  EXPECT_TRUE(connections.hold(slow, 40'000));
  EXPECT_TRUE(connections.hold(quick, 40'000));
  EXPECT_TRUE(connections.hold(mine, 10'000));
  EXPECT_THAT(closed, ::testing::IsEmpty());
  EXPECT_TRUE(connections.hold(mine, 30'000));
  EXPECT_THAT(closed, ::testing::ElementsAre("slow"));
  EXPECT_TRUE(connections.hold(mine, 60'000));
  quick.phase = Seat::Phase::busy;
  EXPECT_FALSE(connections.hold(mine, 70'000)) << "the other is being handled";
}

TEST_F(ConnectionsTest, FilesAreCountedApartAndUntilTheyAreHandled) {
  Seat& usual = seat("usual", Seat::Phase::reading, 9);
  Seat& first = seat("first", Seat::Phase::reading, 5);
  Seat& second = seat("second", Seat::Phase::reading, 60);
  for (Seat* const each : {&usual, &first, &second}) connections.enter(*each);
  EXPECT_TRUE(connections.hold(usual, 90'000));
  EXPECT_TRUE(connections.hold(first, 1'000));
  connections.take_file(first, true);
  connections.take_file(second, true);
  EXPECT_TRUE(connections.hold(first, 150'000));
  EXPECT_TRUE(connections.hold(usual, 100'000)) << "it can use its share";
  const std::size_t handled = connections.begin_handling(first);
  EXPECT_EQ(handled, 150'000u);
  connections.leave(first);
  EXPECT_FALSE(connections.hold(second, 60'000)) << "the handler still uses the first";
  connections.end_handling(handled);
  EXPECT_TRUE(connections.hold(second, 200'000));
  EXPECT_THAT(closed, ::testing::IsEmpty());
  Seat& third = seat("third", Seat::Phase::reading);
  connections.enter(third);
  connections.take_file(third, true);
  second.since = Connections::Clock::now();
  EXPECT_FALSE(connections.hold(third, 10'000)) << "the second makes progress";
  second.since -= seconds(60);
  EXPECT_TRUE(connections.hold(third, 10'000));
  EXPECT_THAT(closed, ::testing::ElementsAre("second")) << "not the usual one, which is slower";
}

TEST_F(ConnectionsTest, SingleLargeResponseIsSent) {
  Seat& large = seat("large", Seat::Phase::sending);
  connections.enter(large);
  EXPECT_TRUE(connections.hold(large, 500'000));
  Seat& other = seat("other", Seat::Phase::reading);
  connections.enter(other);
  EXPECT_TRUE(connections.hold(other, 10));
  EXPECT_THAT(closed, ::testing::ElementsAre("large"));
}

TEST_F(ConnectionsTest, LimitsRequestRatePerAddress) {
  const auto asks = [&](const char* address, int milliseconds) {
    return connections.may_ask(address, start + std::chrono::milliseconds(milliseconds));
  };
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(asks("a", 0));
  EXPECT_FALSE(asks("a", 1));
  EXPECT_TRUE(asks("b", 1));
  EXPECT_TRUE(asks("a", 101));
  EXPECT_FALSE(asks("a", 102));
}

TEST(ConnectionsKey, IsIpv4AddressOrIpv6Network) {
  EXPECT_EQ(Connections::key("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(Connections::key("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(Connections::key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
}

}  // namespace
}  // namespace p2p::http
