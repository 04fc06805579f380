#include "services/worker/worker_test.hpp"

namespace p2p::worker {
namespace {

TEST_F(WorkerTest, DeliveryReportsMayComeAfterRun) {
  start();
  bus.hold_reports(true);
  ask("a");
  ask("b", "bad");
  send("c", "no JSON");
  wait_for_end("a");
  wait_for_end("b");
  EXPECT_TRUE(bus.wait_for(std::string(messages::kDeadLettersTopic), 1));
  thread.request_stop();
  thread.join();
  EXPECT_EQ(worker->problem(), "stopping");
  bus.hold_reports(false);
  wait_for_end("c");  // sent after the delivery report of its dead letter
  EXPECT_EQ(committed(), 0) << "it is no member any more";
}

TEST_F(WorkerTest, DeliveryReportsMayComeInDestructor) {
  start();
  bus.hold_reports(true);
  ask("a");
  send("b", "no JSON");
  wait_for_end("a");
  EXPECT_TRUE(bus.wait_for(std::string(messages::kDeadLettersTopic), 1));
  stop();
  wait_for_end("b");
}

TEST_F(WorkerTest, DeliveryReportsMayComeDuringStop) {
  start();
  ask("a", "wait");
  wait_for_start("a");
  bus.hold_reports(true);
  thread.request_stop();
  EXPECT_TRUE(eventually([&] { return history("a").back() == "handed_back"; }));
  bus.hold_reports(false);
  stop();
  EXPECT_EQ(committed(), 1);
}

TEST_F(WorkerTest, ReportsUnreadableEventsAndStillStops) {
  ask("a");
  bus.refuse_reading(kEvents, true);
  start();
  EXPECT_TRUE(eventually([&] {
    seconds += 11;  // after each retry
    return worker->problem().contains("Kafka: events cannot be read");
  })) << worker->problem();
  stop();
  EXPECT_TRUE(events("a").empty()) << "what is not known is not drawn";
  EXPECT_EQ(committed(), 0);
  bus.refuse_reading(kEvents, false);
  start();
  wait_for_end("a");
  EXPECT_EQ(worker->problem(), "");
}

TEST_F(WorkerTest, ReportsRefusedEvents) {
  start();
  ask("a", "wait");
  wait_for_start("a");
  bus.refuse(std::string(messages::kEventsTopic), {"Invalid timestamp; the clock is off", false});
  generator->release();
  EXPECT_TRUE(eventually([&] { return worker->problem() == "Kafka: an event was not accepted: Invalid timestamp; the clock is off"; }));
  bus.refuse(std::string(messages::kEventsTopic), {});
  ask("b");
  wait_for_end("b");
  EXPECT_TRUE(eventually([&] { return worker->problem().empty(); }));
}

TEST_F(WorkerTest, ReportsStuckLoop) {
  const std::string control(messages::kControlTopic);
  bus.refuse_reading(control, true);
  start();
  ask("a");
  wait_for_end("a");
  EXPECT_EQ(worker->problem(), "");
  seconds += 61;
  // The other loops continue, and the bus notifies eventually().
  EXPECT_TRUE(eventually([&] { return worker->problem() == "Kafka: stuck for 61 s at control messages"; })) << worker->problem();
}

TEST_F(WorkerTest, RetriesStoringUntilItWorks) {
  patience = std::chrono::seconds(20);
  store.failures = 3;
  start();
  ask("a");
  wait_for_end("a");
  EXPECT_EQ(history("a").back(), "finished");
}

TEST_F(WorkerTest, FailsWhenStoreKeepsRefusing) {
  store.failures = 1000;
  store.kind = blob::BlobError::Kind::refused;
  start();
  ask("a");
  wait_for_end("a");
  EXPECT_EQ(last<messages::Failed>("a").reason, messages::reason::kStoringFailed);
}

}  // namespace
}  // namespace p2p::worker
