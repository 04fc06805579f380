#include "services/routing/router.hpp"

#include <gmock/gmock.h>

#include <random>
#include <set>

namespace p2p::routing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Time kStart = from_millis(1'000'000);

class RouterTest : public ::testing::Test {
 protected:
  void workers(int count) {
    std::vector<Worker> list;
    for (int i = 0; i < count; ++i) list.push_back({"w" + std::to_string(i), {{"m", {i}}}});
    router.set_workers(list);
  }
  void add(const std::string& id, const std::string& user) { router.add({id, user, "m", now}); }
  std::vector<std::string> next() {
    std::vector<std::string> ids;
    for (const Dispatch& dispatch : router.next(now)) {
      ids.push_back(dispatch.id);
      partition[dispatch.id] = dispatch.partition;
    }
    return ids;
  }
  /// Starts, is drawn after `time`, ends.
  void draw(const std::string& id, milliseconds time) {
    router.started(id, now);
    now += time;
    router.progressed(id, 1, now);
    router.ended(id);
  }

  Router router{{.user_in_flight = 2}};
  Time now = kStart;
  std::map<std::string, int> partition;
};

TEST_F(RouterTest, EachWorkerGetsOneRequest) {
  workers(2);
  for (const char* id : {"a", "b", "c"}) add(id, id);
  EXPECT_THAT(next(), ElementsAre("a", "b"));
  EXPECT_NE(partition["a"], partition["b"]);
  EXPECT_THAT(next(), IsEmpty());
  router.started("a", now);
  router.progressed("a", 1, now + seconds(1));
  EXPECT_THAT(next(), ElementsAre("c")) << "a is drawn, its worker is free though it stores";
}

TEST_F(RouterTest, AWorkerThatDrawsForAnotherProgramHasNoRoom) {
  workers(2);
  router.others_started("theirs", "w0");
  for (const char* id : {"a", "b"}) add(id, id);
  EXPECT_THAT(next(), ElementsAre("a"));
  EXPECT_EQ(partition["a"], 1);
  router.others_ended("unknown");
  EXPECT_THAT(next(), IsEmpty());
  router.others_ended("theirs");
  EXPECT_THAT(next(), ElementsAre("b"));
  EXPECT_EQ(partition["b"], 0);
}

TEST_F(RouterTest, AWorkerThatIsGoneDrawsForNobody) {
  workers(1);
  router.others_started("theirs", "w0");
  router.set_workers({});
  workers(1);
  add("a", "a");
  EXPECT_THAT(next(), ElementsAre("a"));
}

TEST_F(RouterTest, NobodyHoldsMoreThanTheShareWhileOthersWait) {
  workers(4);
  for (int i = 0; i < 10; ++i) add("u" + std::to_string(i), "u");
  add("v", "v");
  EXPECT_THAT(next(), ElementsAre("u0", "v", "u1", "u2")) << "after v nobody else waits, so the last worker need not idle";
}

TEST_F(RouterTest, TheShareHoldsWhenWorkersGetFree) {
  workers(2);
  for (int i = 0; i < 6; ++i) add("u" + std::to_string(i), "u");
  EXPECT_EQ(next().size(), 2u);
  add("v", "v");
  draw("u0", seconds(1));
  EXPECT_THAT(next(), ElementsAre("v"));
}

TEST_F(RouterTest, ABurstDelaysAnotherByTwoRequestsAtMost) {
  for (const int share : {1, 2, 3}) {
    Router one({.user_in_flight = share});
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

TEST_F(RouterTest, TheFastestIdleWorkerIsTaken) {
  workers(2);
  add("a", "a");
  add("b", "b");
  next();
  const std::string slow = partition["a"] == 0 ? "a" : "b";
  router.started("a", now);
  router.started("b", now);
  router.progressed(slow, 1, now + seconds(4));
  router.ended(slow);
  router.progressed(slow == "a" ? "b" : "a", 1, now + seconds(1));
  router.ended(slow == "a" ? "b" : "a");
  now += seconds(4);
  add("c", "c");
  next();
  EXPECT_EQ(partition["c"], 1);
}

TEST_F(RouterTest, ShortRequestsFollowEachOtherWithoutAPause) {
  workers(1);
  add("a", "u");
  next();
  draw("a", milliseconds(1));
  for (int i = 0; i < 100; ++i) add("b" + std::to_string(i), "u" + std::to_string(i));
  const auto sent = next().size();
  EXPECT_GE(sent, 40u);
  EXPECT_LE(sent, 64u);
}

TEST_F(RouterTest, TheEndIsForeseenByProgress) {
  workers(1);
  add("a", "a");
  add("b", "b");
  next();
  router.started("a", now);
  now += seconds(9);
  router.progressed("a", 0.9, now);
  EXPECT_THAT(next(), IsEmpty());
  EXPECT_EQ(router.look_again_at(), now + milliseconds(950));
  now += milliseconds(951);
  EXPECT_THAT(next(), ElementsAre("b"));
}

TEST_F(RouterTest, WithoutWorkersEverythingWaits) {
  add("a", "a");
  EXPECT_THAT(next(), IsEmpty());
  EXPECT_FALSE(router.is_served("m"));
  workers(1);
  EXPECT_TRUE(router.is_served("m"));
  EXPECT_FALSE(router.is_served("other"));
  EXPECT_THAT(next(), ElementsAre("a"));
}

TEST_F(RouterTest, ADeadWorkersRequestsStayWithTheNewOwner) {
  workers(2);
  add("a", "a");
  next();
  router.started("a", now);
  // The other worker has all partitions now, and so the request.
  router.set_workers({{"other", {{"m", {0, 1}}}}});
  add("b", "b");
  EXPECT_THAT(next(), IsEmpty());
  router.ended("a");
  EXPECT_THAT(next(), ElementsAre("b"));
}

TEST_F(RouterTest, WhatStandsBehindAnotherIsAskedBackForAnIdleWorker) {
  workers(1);
  router.add_dispatched({"a", "a", "m", now}, 0, true);
  router.add_dispatched({"b", "b", "m", now}, 0, false);
  EXPECT_THAT(router.to_release(now), IsEmpty()) << "no worker idles";
  workers(2);
  EXPECT_THAT(router.to_release(now), ElementsAre("b"));
  EXPECT_THAT(router.to_release(now), IsEmpty()) << "it was asked for";
  EXPECT_THAT(router.to_release(now + seconds(3)), ElementsAre("b"));
  router.handed_back("b");
  EXPECT_THAT(next(), ElementsAre("b"));
  EXPECT_EQ(partition["b"], 1);
}

TEST_F(RouterTest, ModelsShareAWorkersRoom) {
  router.set_workers({{"w", {{"m", {0}}, {"n", {7}}}}});
  add("a", "a");
  router.add({"b", "b", "n", now});
  EXPECT_THAT(next(), ElementsAre("a"));
  router.ended("a");
  EXPECT_THAT(next(), ElementsAre("b"));
  EXPECT_EQ(partition["b"], 7);
}

TEST_F(RouterTest, EstimatesComeFromMeasuredTimes) {
  workers(1);
  add("a", "a");
  EXPECT_EQ(router.estimate("a", now).position, 1);
  EXPECT_FALSE(router.estimate("a", now).until_done);
  next();
  EXPECT_EQ(router.estimate("a", now).position, 0);
  draw("a", seconds(10));
  add("b", "b");
  add("c", "c");
  next();
  add("d", "d");
  EXPECT_EQ(router.estimate("d", now).position, 2);
  EXPECT_EQ(router.estimate("d", now).until_done, seconds(30));
  router.started("b", now);
  EXPECT_EQ(router.estimate("b", now + seconds(4)).until_done, seconds(6));
  EXPECT_EQ(router.waiting_of("c"), 1);
  EXPECT_EQ(router.depths().at("m").waiting, 2);
  EXPECT_EQ(router.depths().at("m").in_flight, 1);
}

TEST_F(RouterTest, ManyRequestsAreNoBurden) {
  workers(1);
  for (int i = 0; i < 100'000; ++i) add(std::to_string(i), std::to_string(i % 1000));
  for (int i = 0; i < 100'000; ++i) EXPECT_GE(router.estimate(std::to_string(i), now).position, 1);
  EXPECT_EQ(next().size(), 1u);
}

TEST_F(RouterTest, WhateverHappensNobodyIsLostOrServedTwice) {
  std::mt19937 random(3);
  std::set<std::string> waiting;
  std::set<std::string> sent;
  int names = 0;
  for (int step = 0; step < 30'000; ++step) {
    now += milliseconds(random() % 50);
    const auto any = [&](const std::set<std::string>& ids) {
      return *std::next(ids.begin(), static_cast<std::ptrdiff_t>(random() % ids.size()));
    };
    switch (random() % 7) {
      case 0:
        workers(static_cast<int>(random() % 4));
        break;
      case 1:
      case 2:
        waiting.insert("r" + std::to_string(names));
        add("r" + std::to_string(names++), "u" + std::to_string(random() % 5));
        break;
      case 3:
        if (!sent.empty()) {
          const std::string id = any(sent);
          router.started(id, now);
          router.progressed(id, 0.5 * static_cast<double>(random() % 3), now + milliseconds(random() % 100));
        }
        break;
      case 4:
        if (!sent.empty()) {
          const std::string id = any(sent);
          router.ended(id);
          sent.erase(id);
        }
        break;
      case 5:
        if (!sent.empty()) {
          const std::string id = any(sent);
          router.handed_back(id);
          sent.erase(id);
          waiting.insert(id);
        }
        break;
      default:
        if (!waiting.empty() && random() % 4 == 0) {
          const std::string id = any(waiting);
          EXPECT_TRUE(router.remove(id));
          waiting.erase(id);
        }
    }
    for (const std::string& id : next()) {
      EXPECT_EQ(waiting.erase(id), 1u) << id;
      EXPECT_TRUE(sent.insert(id).second) << id;
    }
    for (const std::string& id : router.to_release(now)) EXPECT_TRUE(sent.contains(id));
  }
  workers(3);
  for (int i = 0; i < 100'000 && !(waiting.empty() && sent.empty()); ++i) {
    for (const std::string& id : std::set<std::string>(sent)) router.ended(id);
    sent.clear();
    for (const std::string& id : next()) {
      EXPECT_EQ(waiting.erase(id), 1u);
      sent.insert(id);
    }
  }
  EXPECT_TRUE(waiting.empty());
}

}  // namespace
}  // namespace p2p::routing
