#include <gmock/gmock.h>

#include "services/dispatch/testing/dispatcher_fixture.hpp"

namespace p2p::dispatch {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(DispatcherTest, EachWorkerGetsOneRequest) {
  workers(2);
  for (const char* id : {"a", "b", "c"}) add(id, id);
  EXPECT_THAT(next(), ElementsAre("a", "b"));
  EXPECT_NE(partition["a"], partition["b"]);
  EXPECT_THAT(next(), IsEmpty());
  dispatcher.started("a", "w0", now);
  dispatcher.progressed("a", 1, now + seconds(1));
  EXPECT_THAT(next(), ElementsAre("c")) << "a is drawn, its worker is free though it stores";
}

TEST_F(DispatcherTest, WorkerThatDrawsForAnotherProgramHasNoRoom) {
  workers(2);
  dispatcher.others().started("theirs", "w0", now);
  for (const char* id : {"a", "b"}) add(id, id);
  EXPECT_THAT(next(), ElementsAre("a"));
  EXPECT_EQ(partition["a"], 1);
  dispatcher.others().ended("unknown");
  EXPECT_THAT(next(), IsEmpty());
  dispatcher.others().ended("theirs");
  EXPECT_THAT(next(), ElementsAre("b"));
  EXPECT_EQ(partition["b"], 0);
}

TEST_F(DispatcherTest, LostEndOfOtherProgramBlocksWorkerForOneMinute) {
  workers(1);
  dispatcher.others().started("theirs", "w0", now);
  add("a", "a");
  now += seconds(50);
  dispatcher.others().progressed("theirs", now);
  dispatcher.others().progressed("unknown", now);
  now += seconds(59);
  EXPECT_THAT(next(), IsEmpty()) << "the last progress event was 59 s ago";
  now += seconds(1);
  EXPECT_THAT(next(), ElementsAre("a"));
  dispatcher.others().progressed("theirs", now);
  dispatcher.ended("a");
  add("b", "b");
  EXPECT_THAT(next(), ElementsAre("b")) << "it stays forgotten";
}

TEST_F(DispatcherTest, ClockSetBackDoesNotBlockWorker) {
  workers(1);
  dispatcher.others().started("theirs", "w0", now + std::chrono::hours(2));
  add("a", "a");
  EXPECT_THAT(next(), ElementsAre("a"));
}

TEST_F(DispatcherTest, ForgetsRequestsOfOthersWithDepartedWorker) {
  workers(1);
  dispatcher.others().started("theirs", "w0", now);
  dispatcher.set_workers({});
  workers(1);
  add("a", "a");
  EXPECT_THAT(next(), ElementsAre("a"));
}

TEST_F(DispatcherTest, LimitsWorkersPerOwnerWhileOthersWait) {
  workers(4);
  for (int i = 0; i < 10; ++i) add("u" + std::to_string(i), "u");
  add("v", "v");
  EXPECT_THAT(next(), ElementsAre("u0", "v", "u1", "u2")) << "after v nobody else waits, so the last worker need not idle";
}

TEST_F(DispatcherTest, LimitHoldsWhenWorkersBecomeFree) {
  workers(2);
  for (int i = 0; i < 6; ++i) add("u" + std::to_string(i), "u");
  EXPECT_EQ(next().size(), 2u);
  add("v", "v");
  draw("u0", seconds(1));
  EXPECT_THAT(next(), ElementsAre("v"));
}

TEST_F(DispatcherTest, BurstDelaysAnotherOwnerByTwoRequestsAtMost) {
  for (const int share : {1, 2, 3}) {
    Dispatcher one({.user_in_flight = share});
    one.set_workers({{"w", {{"m", {0}}}}});
    for (int i = 0; i < 50; ++i) one.add({"u" + std::to_string(i), "u", "m", now});
    EXPECT_EQ(one.next(now).size(), 1u);
    one.add({"v", "v", "m", now});
    int before = 0;
    for (std::string id = "u0"; id != "v"; ++before) {
      one.ended(id);
      id = one.next(now).at(0).id;
    }
    EXPECT_LE(before, 2);
  }
}

TEST_F(DispatcherTest, CheapRequestIsServedNextAmongExpensiveOnes) {
  workers(1);
  for (int i = 0; i < 10; ++i) dispatcher.add({"big" + std::to_string(i), "u", "m", now, 450});
  EXPECT_THAT(next(), ElementsAre("big0"));
  add("cheap", "v");
  draw("big0", std::chrono::hours(1));
  EXPECT_THAT(next(), ElementsAre("cheap"));
  EXPECT_EQ(dispatcher.estimate("cheap", now).until_done, seconds(8)) << "an hour for a cost of 450";
  EXPECT_EQ(dispatcher.estimate("big1", now).until_done, seconds(8) + std::chrono::hours(1));
  EXPECT_EQ(dispatcher.estimate("big2", now).until_done, seconds(8) + std::chrono::hours(2));
}

TEST_F(DispatcherTest, ChoosesFastestIdleWorker) {
  workers(2);
  add("a", "a");
  add("b", "b");
  next();
  const std::string slow = partition["a"] == 0 ? "a" : "b";
  dispatcher.started("a", "w0", now);
  dispatcher.started("b", "w0", now);
  dispatcher.progressed(slow, 1, now + seconds(4));
  dispatcher.ended(slow);
  dispatcher.progressed(slow == "a" ? "b" : "a", 1, now + seconds(1));
  dispatcher.ended(slow == "a" ? "b" : "a");
  now += seconds(4);
  add("c", "c");
  next();
  EXPECT_EQ(partition["c"], 1);
}

TEST_F(DispatcherTest, QueuesShortRequestsWithoutPause) {
  workers(1);
  add("a", "u");
  next();
  draw("a", milliseconds(1));
  for (int i = 0; i < 100; ++i) add("b" + std::to_string(i), "u" + std::to_string(i));
  const auto sent = next().size();
  EXPECT_GE(sent, 40u);
  EXPECT_LE(sent, 64u);
}

TEST_F(DispatcherTest, PredictsEndFromProgress) {
  workers(1);
  add("a", "a");
  add("b", "b");
  next();
  dispatcher.started("a", "w0", now);
  now += seconds(9);
  dispatcher.progressed("a", 0.9, now);
  EXPECT_THAT(next(), IsEmpty());
  EXPECT_EQ(dispatcher.next_check_at(), now + milliseconds(950));
  now += milliseconds(951);
  EXPECT_THAT(next(), ElementsAre("b"));
}

TEST_F(DispatcherTest, EverythingWaitsWithoutWorkers) {
  add("a", "a");
  EXPECT_THAT(next(), IsEmpty());
  workers(1);
  EXPECT_THAT(next(), ElementsAre("a"));
}

TEST_F(DispatcherTest, RequestsOfDeadWorkerMoveToNewOwner) {
  workers(2);
  add("a", "a");
  next();
  dispatcher.started("a", "w0", now);
  // The other worker owns all partitions now, and with them the request.
  dispatcher.set_workers({{"other", {{"m", {0, 1}}}}});
  add("b", "b");
  EXPECT_THAT(next(), IsEmpty());
  dispatcher.ended("a");
  EXPECT_THAT(next(), ElementsAre("b"));
}

TEST_F(DispatcherTest, RecallsQueuedRequestForIdleWorker) {
  workers(1);
  dispatcher.add_dispatched({"a", "a", "m", now}, 0);
  dispatcher.started("a", "w0", now);
  dispatcher.add_dispatched({"b", "b", "m", now}, 0);
  EXPECT_THAT(dispatcher.to_release(now), IsEmpty()) << "no worker idles";
  workers(2);
  EXPECT_THAT(dispatcher.to_release(now), ElementsAre("b"));
  EXPECT_THAT(dispatcher.to_release(now), IsEmpty()) << "it was asked for";
  EXPECT_THAT(dispatcher.to_release(now + seconds(3)), ElementsAre("b"));
  dispatcher.handed_back("b");
  EXPECT_THAT(next(), ElementsAre("b"));
  EXPECT_EQ(partition["b"], 1);
}

TEST_F(DispatcherTest, ModelsShareRoomOfWorker) {
  dispatcher.set_workers({{"w", {{"m", {0}}, {"n", {7}}}}});
  add("a", "a");
  dispatcher.add({"b", "b", "n", now});
  EXPECT_THAT(next(), ElementsAre("a"));
  dispatcher.ended("a");
  EXPECT_THAT(next(), ElementsAre("b"));
  EXPECT_EQ(partition["b"], 7);
}

TEST_F(DispatcherTest, EstimatesComeFromMeasuredTimes) {
  workers(1);
  add("a", "a");
  EXPECT_EQ(dispatcher.estimate("a", now).position, 1);
  EXPECT_FALSE(dispatcher.estimate("a", now).until_done);
  next();
  EXPECT_EQ(dispatcher.estimate("a", now).position, 0);
  draw("a", seconds(10));
  add("b", "b");
  add("c", "c");
  next();
  add("d", "d");
  EXPECT_EQ(dispatcher.estimate("d", now).position, 2);
  EXPECT_EQ(dispatcher.estimate("d", now).until_done, seconds(30));
  dispatcher.started("b", "w0", now);
  EXPECT_EQ(dispatcher.estimate("b", now + seconds(4)).until_done, seconds(6));
  EXPECT_EQ(dispatcher.waiting().size(), 2u);
  EXPECT_EQ(dispatcher.sent().size(), 1u);
}

TEST_F(DispatcherTest, HandlesManyRequestsQuickly) {
  workers(1);
  for (int i = 0; i < 100'000; ++i) add(std::to_string(i), std::to_string(i % 1000));
  for (int i = 0; i < 100'000; ++i) EXPECT_GE(dispatcher.estimate(std::to_string(i), now).position, 1);
  EXPECT_EQ(next().size(), 1u);
}

}  // namespace
}  // namespace p2p::dispatch
