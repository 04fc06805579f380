// A worker that stops, loses its partitions or its topics.

#include "services/worker/worker_test.hpp"

namespace p2p::worker {
namespace {

using ::testing::ElementsAre;
using WorkerLeavingTest = WorkerTest;

TEST_F(WorkerLeavingTest, StopHandsBackUnfinishedRequests) {
  start();
  ask("a", "wait");
  ask("b", "wait");
  send("last", "not JSON");
  wait_for_end("last");  // so the others have been received
  wait_for_start("a");
  stop();
  EXPECT_EQ(history("a").back(), "handed_back");
  EXPECT_THAT(history("b"), ElementsAre("handed_back"));
  EXPECT_EQ(last<messages::HandedBack>("a").failed_attempts, 0) << "not a failed attempt";
  EXPECT_EQ(committed(), 3);
}

TEST_F(WorkerLeavingTest, StopFinishesNearlyDoneRequest) {
  finish_within = std::chrono::seconds(20);
  start();
  ask("a", "wait");
  wait_for_start("a");
  thread.request_stop();
  EXPECT_TRUE(eventually([&] { return worker->problem() == "stopping"; }));
  generator->release();
  stop();
  EXPECT_EQ(history("a").back(), "finished");
}

TEST_F(WorkerLeavingTest, HandsBackWhenPartitionIsRevoked) {
  start();
  ask("a", "wait", 1, 1);
  wait_for_start("a");
  bus.name_members("w2");
  auto other = bus.subscribe(std::string(messages::kWorkersGroup), {kTopic}, {});
  EXPECT_TRUE(eventually([&] { return history("a").back() == "handed_back"; }));
  other.reset();
  generator->release();
  ask("b");  // drawn after everything that the worker may still do for "a"
  wait_for_end("b");
  EXPECT_EQ(std::ranges::count_if(events("a"), [](const Event& event) { return event.ends() || event.as<messages::HandedBack>(); }), 1);
}

TEST_F(WorkerLeavingTest, EndsEachOfManyRequestsOnce) {
  start();
  constexpr int kCount = 500;
  for (int i = 0; i < kCount; ++i) ask("r" + std::to_string(i), i % 10 == 0 ? "bad" : "a fox", 1, i % 2);
  for (int i = 0; i < kCount; i += 50) send_control("r" + std::to_string(i + 7), messages::Control::Type::cancel);
  EXPECT_TRUE(eventually([&] { return committed(0) + committed(1) == kCount; }));
  std::map<std::string, int> ends;
  for (const auto& record : bus.records(kEvents)) {
    const auto event = messages::decode_event(record.value);
    if (event && event->ends()) ++ends[event->id];
  }
  EXPECT_EQ(ends.size(), static_cast<std::size_t>(kCount));
  for (const auto& [id, count] : ends) EXPECT_EQ(count, 1) << id;
}

TEST_F(WorkerLeavingTest, DrawingSurvivesDeletionOfTopic) {
  start();
  ask("a", "wait");
  wait_for_start("a");
  bus.make_anew(kTopic);
  ask("a", "wait", 2);     // as the dispatcher does
  ask("a", "wait", 2, 1);  // a duplicate, done as soon as it is read
  ASSERT_TRUE(eventually([&] { return committed(1) == 1; }));
  ask("b");
  generator->release();
  wait_for_end("a");
  wait_for_end("b");
  EXPECT_EQ(events("a").back().dispatch, 2);
  EXPECT_EQ(generator->drawings, 2) << "nothing is drawn twice";
  EXPECT_TRUE(eventually([&] { return committed() == 2; })) << "the second message for a, and b";
}

TEST_F(WorkerLeavingTest, DrawsEndedRequestAgainAfterTopicWasRecreated) {
  start();
  ask("a");
  wait_for_end("a");
  EXPECT_TRUE(eventually([&] { return committed() == 1; }));
  bus.make_anew(kTopic);
  ask("a", "a fox", 2);  // the dispatcher does not know of the end
  EXPECT_TRUE(eventually([&] { return committed() == 1; }));
  EXPECT_TRUE(eventually([&] { return generator->drawings == 2; }));
}

}  // namespace
}  // namespace p2p::worker
