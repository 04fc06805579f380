#include "services/worker/ledger.hpp"

#include <gtest/gtest.h>

#include "services/testing/memory_bus.hpp"

namespace p2p::worker {
namespace {

using messages::Event;

class LedgerTest : public ::testing::Test {
 protected:
  void take_event(Event::What what) {
    const Event event{.id = "x", .time = now(), .worker = "w", .dispatch = 1, .what = std::move(what)};
    bus.producer()->send({.topic = std::string(messages::kEventsTopic), .key = "x", .value = encode(event)});
  }
  Ledger::State state(int dispatch) {
    EXPECT_TRUE(ledger.read(now() - std::chrono::minutes(1), {}));
    return ledger.state_of({.id = "x", .dispatch = dispatch});
  }
  p2p::testing::MemoryBus bus;
  Ledger ledger{bus};
};

TEST_F(LedgerTest, StartsWithoutEndAreFailedAttempts) {
  EXPECT_EQ(state(1).failed_attempts, 0);
  take_event(messages::Started{});
  take_event(messages::Progress{.stage = "prior"});
  EXPECT_EQ(state(1).failed_attempts, 1);
  EXPECT_FALSE(state(1).over);
  take_event(messages::Started{});
  EXPECT_EQ(state(1).failed_attempts, 2);
  EXPECT_EQ(state(2).failed_attempts, 0);
}

TEST_F(LedgerTest, HandedBackDispatchIsOver) {
  take_event(messages::Started{});
  take_event(messages::HandedBack{});
  EXPECT_TRUE(state(1).over);
  EXPECT_FALSE(state(2).over);
}

TEST_F(LedgerTest, EndedRequestIsOverForEveryDispatch) {
  take_event(messages::Failed{.reason = "cannot_do"});
  EXPECT_TRUE(state(1).over);
  EXPECT_TRUE(state(2).over);
}

TEST_F(LedgerTest, CoversReadEventsUntilOutdated) {
  const Time since = now();
  EXPECT_FALSE(ledger.covers(since));
  EXPECT_TRUE(ledger.read(since, {}));
  EXPECT_TRUE(ledger.covers(since));
  EXPECT_TRUE(ledger.covers(since + std::chrono::seconds(1)));
  EXPECT_FALSE(ledger.covers(since - std::chrono::seconds(1)));
  ledger.outdate();
  EXPECT_FALSE(ledger.covers(since));
}

}  // namespace
}  // namespace p2p::worker
