// Two messages with the same dispatch of a request, in different partitions: the leader was suspended before it delivered one, and its
// successor sent the other.

#include "services/worker/worker_test.hpp"

namespace p2p::worker {
namespace {

using ::testing::ElementsAre;

class WorkerCopiesTest : public WorkerTest {
 protected:
  /// An event of another worker, which this one has read when the call returns.
  void other_says(const std::string& id, Event::What what, int dispatch = 1) {
    const Event event{.id = id, .time = now(), .worker = "other", .dispatch = dispatch, .what = std::move(what)};
    bus.producer()->send(
        {.topic = kEvents, .key = id, .value = encode(event), .headers = {{"type", std::string(messages::type_of(event))}}});
    EXPECT_TRUE(eventually([&] { return bus.is_read(kEvents); }));
  }
  std::vector<std::string> history_here(const std::string& id) {
    std::vector<std::string> words;
    for (const auto& record : bus.records(kEvents)) {
      if (const auto event = messages::decode_event(record.value); event && event->id == id && event->worker == "w1")
        words.emplace_back(event->as<messages::HandedBack>() ? "handed_back" : type_of(*event));
    }
    return words;
  }
  /// Shows that the worker goes on, and has looked at everything sent before.
  void draw_another(const std::string& id) {
    ask(id);
    EXPECT_TRUE(eventually([&] { return !history_here(id).empty() && history_here(id).back() == "finished"; })) << id;
  }
};

TEST_F(WorkerCopiesTest, WaitsWhileAnotherWorkerDraws) {
  start();
  draw_another("first");
  other_says("a", messages::Started{.attempt = 1});
  ask("a");
  draw_another("b");
  EXPECT_THAT(history_here("a"), ElementsAre());
  other_says("a", messages::Finished{});
  EXPECT_TRUE(eventually([&] { return committed() == 3; }));
  draw_another("c");
  EXPECT_THAT(history_here("a"), ElementsAre());
}

TEST_F(WorkerCopiesTest, DrawsWhenTheOtherWorkerFallsSilent) {
  start();
  draw_another("first");
  other_says("a", messages::Started{.attempt = 1});
  ask("a");
  seconds += 50;
  other_says("a", messages::Progress{.stage = "prior", .step = 1, .total = 2, .fraction = 0.5});
  seconds += 50;
  draw_another("b");
  EXPECT_THAT(history_here("a"), ElementsAre());
  seconds += 50;
  EXPECT_TRUE(eventually([&] { return !history_here("a").empty() && history_here("a").back() == "finished"; }));
}

TEST_F(WorkerCopiesTest, DropsWhatAnotherWorkerHandedBackOrEnded) {
  start();
  ask("a", "wait");
  ask("b");
  ask("c");
  wait_for_start("a");
  other_says("b", messages::Finished{});
  other_says("c", messages::HandedBack{});
  other_says("a", messages::Finished{});
  EXPECT_TRUE(eventually([&] { return committed() == 3; }));
  EXPECT_THAT(history_here("a"), ElementsAre("started", "progress"));
  EXPECT_THAT(history_here("b"), ElementsAre());
  EXPECT_THAT(history_here("c"), ElementsAre());
}

TEST_F(WorkerCopiesTest, DrawsLaterDispatchAtOnce) {
  start();
  draw_another("first");
  other_says("a", messages::Started{.attempt = 1});
  ask("a", "a fox", 2);
  EXPECT_TRUE(eventually([&] { return !history_here("a").empty() && history_here("a").back() == "finished"; }));
}

}  // namespace
}  // namespace p2p::worker
