#include "services/worker/worker.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "base/error.hpp"
#include "services/testing/memory_bus.hpp"
#include "services/testing/memory_store.hpp"
#include "services/worker/drawers.hpp"

namespace p2p::worker {
namespace {

using messages::Event;
using messages::EventType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kTopic = "prompt2pic.requests.flat";
const std::string kEvents(messages::kEventsTopic);

/// Draws as the prompt says: "bad" cannot be done, "throw" fails, "unsafe" is withheld, "wait" goes on until it is stopped or let go.
class ScriptedDrawer : public Drawer {
 public:
  Drawing draw(const messages::Request& request, const DrawingProgressFn& progress, std::stop_token stop) override {
    ++drawings;
    if (request.prompt == "bad") throw UsageError("width is 5");
    if (request.prompt == "throw") throw std::runtime_error("numbers stopped being finite");
    if (request.prompt == "unsafe") throw Withheld("the safety checker withheld the picture");
    progress({"prior", 1, 2, 0.5});
    while (request.prompt == "wait" && !go) {
      if (stop.stop_requested()) throw Cancelled();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    Drawing drawing;
    drawing.picture = {"PNG of " + request.id, 64, 64};
    drawing.seconds["prior"] = 0.1;
    return drawing;
  }
  std::atomic<int> drawings = 0;
  std::atomic<bool> go = false;
};

class WorkerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    bus.ensure_topics(
        {{kTopic, 2}, {kEvents, 2}, {std::string(messages::kControlTopic), 1}, {std::string(messages::kDeadLettersTopic), 1}});
  }
  void TearDown() override { stop(); }

  void start(const std::string& name = "w1") {
    bus.name_members(name);
    WorkerConfig config{.name = name, .drawers = {{"flat", drawer}}, .partitions = 2};
    config.uploads.unavailable = patience;
    config.uploads.refused = std::chrono::milliseconds(50);
    config.finish_within = finish_within;
    config.stop_within = finish_within + std::chrono::seconds(1);
    worker = std::make_unique<Worker>(bus, store, metrics, config);
    thread = std::jthread([this](const std::stop_token& token) { worker->run(token); });
  }
  void stop() {
    thread.request_stop();
    if (thread.joinable()) thread.join();
    worker.reset();
  }
  /// As kill -9: what it does from now on reaches nobody.
  void crash() {
    bus.freeze(true);
    drawer->go = true;
    stop();
    drawer->go = false;
    bus.freeze(false);
  }
  void ask(const std::string& id, const std::string& prompt = "a fox", int dispatch = 1, int partition = 0) {
    send(id, encode(messages::Request{.id = id, .time = now(), .model = "flat", .prompt = prompt, .seed = 7, .dispatch = dispatch}),
         partition);
  }
  void send(const std::string& key, const std::string& value, int partition = 0) {
    bus.producer()->send(
        {.topic = kTopic, .partition = partition, .key = key, .value = value, .headers = {{"traceparent", messages::new_traceparent()}}});
  }
  void wish(const std::string& id, messages::Control::Type type, int dispatch = 0) {
    bus.producer()->send({.topic = std::string(messages::kControlTopic),
                          .key = id,
                          .value = encode(messages::Control{.id = id, .time = now(), .type = type, .dispatch = dispatch})});
  }
  std::vector<Event> events(const std::string& id) {
    std::vector<Event> list;
    for (const auto& record : bus.records(kEvents)) {
      const auto event = messages::decode_event(record.value);
      EXPECT_TRUE(event) << event.error();
      if (event && event->id == id) list.push_back(*event);
    }
    return list;
  }
  /// Each event's type, a progress as its stage.
  std::vector<std::string> story(const std::string& id) {
    std::vector<std::string> words;
    for (const Event& event : events(id))
      words.push_back(event.type == EventType::progress ? event.stage : std::string(name_of(event.type)));
    return words;
  }
  void wait_until(const std::function<bool()>& condition) {
    for (int i = 0; i < 5000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    EXPECT_TRUE(condition());
  }
  void wait_for_end(const std::string& id) {
    wait_until([&] { return std::ranges::any_of(events(id), &Event::ends); });
  }
  void wait_for_start(const std::string& id) {
    wait_until([&] { return !events(id).empty(); });
  }
  std::int64_t committed(int partition = 0) { return bus.committed(std::string(messages::kWorkersGroup), {kTopic, partition}); }

  p2p::testing::MemoryBus bus;
  p2p::testing::MemoryStore store;
  Metrics metrics;
  std::shared_ptr<ScriptedDrawer> drawer = std::make_shared<ScriptedDrawer>();
  std::chrono::milliseconds patience{300};
  std::chrono::seconds finish_within{1};
  std::unique_ptr<Worker> worker;
  std::jthread thread;
};

TEST_F(WorkerTest, DrawsStoresTellsAndCommits) {
  start();
  ask("a");
  wait_for_end("a");
  EXPECT_THAT(story("a"), ElementsAre("started", "prior", "storing", "finished"));
  const Event finished = events("a").back();
  ASSERT_EQ(finished.images.size(), 1u);
  EXPECT_EQ(finished.images[0].key, messages::image_key("a", finished.time, 1));
  EXPECT_EQ(store.get(finished.images[0].key), "PNG of a");
  EXPECT_EQ(finished.worker, "w1");
  EXPECT_EQ(events("a")[0].attempt, 1);
  wait_until([&] { return committed() == 1; });
  EXPECT_EQ(worker->problem(), "");
  EXPECT_THAT(metrics.text(), HasSubstr("prompt2pic_worker_requests_total{model=\"flat\",outcome=\"finished\""));
}

TEST_F(WorkerTest, SeveralPicturesAreOneRequest) {
  start();
  send("a", encode(messages::Request{.id = "a", .time = now(), .model = "flat", .prompt = "a fox", .seed = 7, .count = 3}));
  wait_for_end("a");
  const Event finished = events("a").back();
  ASSERT_EQ(finished.images.size(), 3u);
  for (int n = 1; n <= 3; ++n) {
    const auto& image = finished.images[static_cast<std::size_t>(n - 1)];
    EXPECT_EQ(image.key, messages::image_key("a", finished.time, n));
    EXPECT_EQ(image.seed, static_cast<std::uint64_t>(6 + n));
    EXPECT_EQ(store.get(image.key), "PNG of a");
  }
  EXPECT_EQ(drawer->drawings, 3);
  double before = 0;
  for (const Event& event : events("a")) {
    if (event.type != EventType::progress) continue;
    EXPECT_GE(event.fraction, before) << "the bar never goes back";
    before = event.fraction;
  }
  EXPECT_EQ(before, 1);
  EXPECT_NEAR(finished.seconds.at("prior"), 0.3, 1e-9);
  wait_until([&] { return committed() == 1; });
}

TEST_F(WorkerTest, EventsContinueTheRequestsTrace) {
  start();
  ask("a");
  wait_for_end("a");
  const auto request = bus.records(kTopic)[0];
  for (const auto& event : bus.records(kEvents))
    EXPECT_EQ(event.header("traceparent").substr(0, 35), request.header("traceparent").substr(0, 35));
}

TEST_F(WorkerTest, RefusesAtOnceWhatItCannotDo) {
  start();
  ask("a", "bad");
  ask("b", "throw");
  ask("c", "unsafe");
  wait_for_end("a");
  wait_for_end("b");
  wait_for_end("c");
  EXPECT_EQ(events("a").back().reason, messages::reason::kCannotDo);
  EXPECT_EQ(events("a").back().detail, "width is 5");
  EXPECT_EQ(events("b").back().reason, messages::reason::kDrawingFailed);
  EXPECT_EQ(events("c").back().reason, messages::reason::kWithheld);
  wait_until([&] { return committed() == 3; });
}

TEST_F(WorkerTest, WhatIsUnreadableGoesToDeadLettersAndFails) {
  start();
  send("key-1", "not JSON");
  send("", R"({"schema_version":2,"id":"of-the-future","time":"2026-11-24T00:00:00Z"})");
  send("", "\xff\xfe");
  send("", encode(messages::Request{.id = "other", .time = now(), .model = "emoji", .prompt = "x", .seed = 1}));
  ASSERT_TRUE(bus.wait_for(std::string(messages::kDeadLettersTopic), 4));
  for (const char* id : {"key-1", "of-the-future", "other"}) {
    wait_for_end(id);
    EXPECT_EQ(events(id).back().reason, messages::reason::kUnreadable);
  }
  const auto letter = messages::decode_dead_letter(bus.records(std::string(messages::kDeadLettersTopic))[0].value);
  ASSERT_TRUE(letter) << letter.error();
  EXPECT_EQ(letter->original, "not JSON");
  EXPECT_EQ(letter->topic, kTopic);
  wait_until([&] { return committed() == 4; });
}

TEST_F(WorkerTest, CancelsWhatWaitsAndWhatIsDrawn) {
  start();
  ask("a", "wait");
  ask("b", "wait");
  wait_for_start("a");
  wish("b", messages::Control::Type::cancel);
  wait_for_end("b");
  EXPECT_THAT(story("b"), ElementsAre("cancelled"));
  wish("a", messages::Control::Type::cancel);
  wait_for_end("a");
  EXPECT_THAT(story("a"), ElementsAre("started", "prior", "cancelled"));
  wait_until([&] { return committed() == 2; });
}

TEST_F(WorkerTest, ACancelOutlivesTheWorkerItWasFor) {
  wish("a", messages::Control::Type::cancel);
  start();
  wait_until([&] { return worker->problem().empty(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ask("a");
  wait_for_end("a");
  EXPECT_THAT(story("a"), ElementsAre("cancelled"));
}

TEST_F(WorkerTest, ReleaseHandsBackOnlyWhatHasNotStarted) {
  start();
  ask("a", "wait");
  ask("b", "wait", 3);
  wait_for_start("a");
  wish("a", messages::Control::Type::release, 1);
  wish("b", messages::Control::Type::release, 2);
  wish("b", messages::Control::Type::release, 3);
  wait_until([&] { return story("b") == std::vector<std::string>{"handed_back"}; });
  EXPECT_EQ(events("b")[0].dispatch, 3);
  drawer->go = true;
  wait_for_end("a");
  EXPECT_EQ(events("a").back().type, EventType::finished);
}

TEST_F(WorkerTest, ADeadWorkersRequestIsTakenUpAgainAsASecondAttempt) {
  start();
  ask("a", "wait");
  wait_for_start("a");
  crash();
  start("w2");
  drawer->go = true;
  wait_for_end("a");
  EXPECT_EQ(events("a").back().type, EventType::finished);
  EXPECT_EQ(std::ranges::count(events("a"), EventType::finished, &Event::type), 1);
  EXPECT_TRUE(std::ranges::any_of(
      events("a"), [](const Event& event) { return event.type == EventType::started && event.attempt == 2 && event.worker == "w2"; }));
}

TEST_F(WorkerTest, ARequestThatKillsTwoWorkersIsBuried) {
  for (const char* name : {"w1", "w2"}) {
    start(name);
    if (std::string(name) == "w1") ask("a", "wait");
    wait_until([&] { return std::ranges::any_of(events("a"), [&](const Event& event) { return event.worker == name; }); });
    crash();
  }
  start("w3");
  wait_for_end("a");
  EXPECT_EQ(events("a").back().reason, messages::reason::kKilledWorker);
  EXPECT_TRUE(bus.wait_for(std::string(messages::kDeadLettersTopic), 1));
  wait_until([&] { return committed() == 1; });
}

TEST_F(WorkerTest, WhatEndedBeforeTheCrashIsNotDrawnAgain) {
  start();
  ask("a");
  wait_for_end("a");
  wait_until([&] { return committed() == 1; });
  stop();
  const int drawings = drawer->drawings;
  ask("a");  // as if the commit had been lost
  start("w2");
  wait_until([&] { return committed() == 2; });
  EXPECT_EQ(drawer->drawings, drawings);
}

TEST_F(WorkerTest, WhatEndedWithAnotherWorkerIsNotDrawnAgain) {
  start();
  ask("a");
  wait_for_end("a");
  stop();
  start("w2");
  ask("b", "a fox", 1, 1);
  wait_for_end("b");
  const int drawings = drawer->drawings;
  ask("a");
  wait_until([&] { return committed() == 2; });
  EXPECT_EQ(drawer->drawings, drawings);
  EXPECT_EQ(std::ranges::count(events("a"), EventType::finished, &Event::type), 1);
}

TEST_F(WorkerTest, AStopHandsBackWhatCannotBeFinished) {
  start();
  ask("a", "wait");
  ask("b", "wait");
  wait_for_start("a");
  stop();
  EXPECT_EQ(story("a").back(), "handed_back");
  EXPECT_THAT(story("b"), ElementsAre("handed_back"));
  EXPECT_EQ(events("a").back().strikes, 0) << "no strike";
  EXPECT_EQ(committed(), 2);
}

TEST_F(WorkerTest, AStopFinishesWhatIsNearlyDone) {
  finish_within = std::chrono::seconds(20);
  start();
  ask("a", "wait");
  wait_for_start("a");
  std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    drawer->go = true;
  });
  stop();
  EXPECT_EQ(story("a").back(), "finished");
}

TEST_F(WorkerTest, HandsBackWhenAnotherTakesThePartition) {
  start();
  ask("a", "wait", 1, 1);
  wait_for_start("a");
  bus.name_members("w2");
  auto other = bus.subscribe(std::string(messages::kWorkersGroup), {kTopic}, {});
  wait_until([&] {
    other->poll({});
    return story("a").back() == "handed_back" || story("a").back() == "finished" || committed() == 0;
  });
  other.reset();
  drawer->go = true;
  wait_until([&] { return story("a").back() == "handed_back" || story("a").back() == "finished"; });
  EXPECT_EQ(std::ranges::count_if(events("a"), [](const Event& event) { return event.ends() || event.hands_back(); }), 1);
}

TEST_F(WorkerTest, StoringIsRepeatedUntilItWorks) {
  patience = std::chrono::seconds(20);
  store.failures = 3;
  start();
  ask("a");
  wait_for_end("a");
  EXPECT_EQ(events("a").back().type, EventType::finished);
}

TEST_F(WorkerTest, StoringIsGivenUpWhereItIsRefused) {
  store.failures = 1000;
  store.kind = blob::BlobError::Kind::refused;
  start();
  ask("a");
  wait_for_end("a");
  EXPECT_EQ(events("a").back().reason, messages::reason::kStoringFailed);
}

TEST_F(WorkerTest, ThreadsOfManyRequestsEndEachOnce) {
  start();
  constexpr int kCount = 500;
  for (int i = 0; i < kCount; ++i) ask("r" + std::to_string(i), i % 10 == 0 ? "bad" : "a fox", 1, i % 2);
  for (int i = 0; i < kCount; i += 50) wish("r" + std::to_string(i + 7), messages::Control::Type::cancel);
  wait_until([&] { return committed(0) + committed(1) == kCount; });
  std::map<std::string, int> ends;
  for (const auto& record : bus.records(kEvents)) {
    const auto event = messages::decode_event(record.value);
    if (event && event->ends()) ++ends[event->id];
  }
  EXPECT_EQ(ends.size(), static_cast<std::size_t>(kCount));
  for (const auto& [id, count] : ends) EXPECT_EQ(count, 1) << id;
}

}  // namespace
}  // namespace p2p::worker
