#include "services/worker/worker_test.hpp"

namespace p2p::worker {
namespace {

TEST_F(WorkerTest, DeliveryReportsMayComeAfterItsRun) {
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
  wait_for_end("c");  // sent when the report of its dead letter has come
  EXPECT_EQ(committed(), 0) << "it is no member any more";
}

TEST_F(WorkerTest, DeliveryReportsMayComeAtTheVeryEnd) {
  start();
  bus.hold_reports(true);
  ask("a");
  send("b", "no JSON");
  wait_for_end("a");
  EXPECT_TRUE(bus.wait_for(std::string(messages::kDeadLettersTopic), 1));
  stop();
  wait_for_end("b");
}

TEST_F(WorkerTest, DeliveryReportsMayComeWhileItStops) {
  start();
  ask("a", "wait");
  wait_for_start("a");
  bus.hold_reports(true);
  thread.request_stop();
  EXPECT_TRUE(eventually([&] { return story("a").back() == "handed_back"; }));
  bus.hold_reports(false);
  stop();
  EXPECT_EQ(committed(), 1);
}

TEST_F(WorkerTest, SaysThatEventsCannotBeReadAndStopsAllTheSame) {
  ask("a");
  bus.refuse_reading(kEvents, true);
  start();
  EXPECT_TRUE(eventually([&] {
    seconds += 11;  // whenever it has asked once more
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

TEST_F(WorkerTest, SaysThatKafkaDoesNotTakeItsEvents) {
  start();
  ask("a", "wait");
  wait_for_start("a");
  bus.refuse(std::string(messages::kEventsTopic), {"Invalid timestamp; the clock is off", false});
  generator->let_go();
  EXPECT_TRUE(eventually([&] { return worker->problem() == "Kafka: an event was not taken: Invalid timestamp; the clock is off"; }));
  bus.refuse(std::string(messages::kEventsTopic), {});
  ask("b");
  wait_for_end("b");
  EXPECT_TRUE(eventually([&] { return worker->problem().empty(); }));
}

TEST_F(WorkerTest, SaysWhichOfItsLoopsHangs) {
  const std::string control(messages::kControlTopic);
  bus.refuse_reading(control, true);
  start();
  ask("a");
  wait_for_end("a");
  EXPECT_EQ(worker->problem(), "");
  seconds += 61;
  // The others turn at once, as the bus shows to eventually().
  EXPECT_TRUE(eventually([&] { return worker->problem() == "Kafka: stuck for 61 s at control messages"; })) << worker->problem();
}

TEST_F(WorkerTest, RepeatsStoringUntilItWorks) {
  patience = std::chrono::seconds(20);
  store.failures = 3;
  start();
  ask("a");
  wait_for_end("a");
  EXPECT_EQ(events("a").back().type, EventType::finished);
}

TEST_F(WorkerTest, FailsWhenTheStoreKeepsRefusing) {
  store.failures = 1000;
  store.kind = blob::BlobError::Kind::refused;
  start();
  ask("a");
  wait_for_end("a");
  EXPECT_EQ(events("a").back().reason, messages::reason::kStoringFailed);
}

}  // namespace
}  // namespace p2p::worker
