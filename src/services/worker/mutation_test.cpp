// 10,000 mutated requests and 10,000 mutated control messages for the worker: each request ends, is handed back or becomes a dead letter;
// each control message is applied or counted as dropped.

#include <gmock/gmock.h>

#include <thread>

#include "base/log.hpp"
#include "services/testing/eventually.hpp"
#include "services/testing/memory_bus.hpp"
#include "services/testing/memory_store.hpp"
#include "services/testing/mutator.hpp"
#include "services/worker/image_generators.hpp"
#include "services/worker/worker.hpp"

namespace p2p::worker {
namespace {

using messages::Control;
using p2p::testing::eventually;
using p2p::testing::Mutator;

constexpr int kRequests = 10'000;
constexpr int kControl = 10'000;
constexpr std::chrono::minutes kPatience{2};
const std::string kTopic = "prompt2pic.requests.flat";

/// The number of events that end a request, and that hand one back.
struct Outcomes {
  int ends = 0;
  int hand_backs = 0;
};

class WorkerMutation : public ::testing::Test {
 protected:
  void SetUp() override {
    log::configure(log::Level(static_cast<int>(log::Level::error) + 1), log::Format::text);
    bus.ensure_topics({{kTopic, 1}});
    worker = std::make_unique<Worker>(bus, store, metrics,
                                      WorkerConfig{.name = "w", .generators = {{"flat", flat_generator({}, "test")}}, .partitions = 1});
    running = std::jthread([this](const std::stop_token& stop) { worker->run(stop); });
  }
  void TearDown() override {
    running = {};
    log::configure(log::Level::info, log::Format::text);
  }
  double counted(const std::string& name, const std::string& label = "") { return p2p::testing::sum_of(metrics.text(), name, label); }
  std::int64_t committed() { return bus.committed(std::string(messages::kWorkersGroup), {kTopic, 0}); }
  std::map<std::string, Outcomes> outcomes() {
    std::map<std::string, Outcomes> all;
    for (const auto& record : bus.records(std::string(messages::kEventsTopic))) {
      const auto event = messages::decode_event(record.value);
      EXPECT_TRUE(event) << event.error() << record.value;  // events must be valid, whatever the input
      EXPECT_EQ(record.header("traceparent").size(), 55u);
      if (!event) continue;
      all[event->id].ends += event->ends();
      all[event->id].hand_backs += event->as<messages::HandedBack>() != nullptr;
    }
    return all;
  }

  p2p::testing::MemoryBus bus;
  p2p::testing::MemoryStore store;
  Metrics metrics;
  std::unique_ptr<Worker> worker;
  std::jthread running;
};

TEST_F(WorkerMutation, AnswersOrCountsEveryMessage) {
  Mutator mutator(1);
  const auto producer = bus.producer();
  std::set<std::string> readable;
  int unreadable = 0, bad_control = 0;
  std::string last = mutator.id();
  const auto trace = [&] { return bus::Headers{{"traceparent", messages::new_traceparent()}, {"type", "request"}}; };
  for (int i = 0; i < kRequests; ++i) {
    messages::Request request{
        .id = mutator.id(), .time = now(), .model = "flat", .prompt = "лиса в снегу", .negative_prompt = "x", .seed = 7};
    request.width = request.height = 64;
    request.steps = 4;
    request.guidance = 4;
    const std::string value = mutator.any(Json::parse(encode(request)));
    if (const auto decoded = messages::decode_request(value); decoded && decoded->model == "flat" && decoded->failed_attempts < 2) {
      readable.insert(decoded->id);
    } else {
      ++unreadable;
    }
    const std::string key = mutator.below(2) == 0 ? request.id : mutator.bytes(request.id);
    producer->send({.topic = kTopic, .partition = 0, .key = key, .value = value, .headers = mutator.headers(trace())});

    const Control control{.id = mutator.below(2) == 0 ? last : request.id,
                          .time = now(),
                          .type = mutator.below(2) == 0 ? Control::Type::cancel : Control::Type::release,
                          .dispatch = 1};
    const std::string words = mutator.any(Json::parse(encode(control)));
    bad_control += !messages::decode_control(words);
    producer->send({.topic = std::string(messages::kControlTopic), .key = control.id, .value = words, .headers = mutator.headers(trace())});
    last = request.id;
    // Lets some requests be drawn before the control messages about them arrive.
    if (i % 20 == 0) {
      ASSERT_TRUE(eventually([&] { return committed() >= i; })) << committed();
    }
  }
  EXPECT_TRUE(eventually([&] { return committed() == kRequests; }, kPatience)) << committed();
  EXPECT_TRUE(eventually([&] { return counted("prompt2pic_worker_control_total") == kControl; }));
  EXPECT_EQ(counted("prompt2pic_worker_control_total", "unreadable"), bad_control);
  EXPECT_EQ(counted("prompt2pic_worker_dead_letters_total"), unreadable);
  const auto dead_letters = bus.records(std::string(messages::kDeadLettersTopic));
  EXPECT_EQ(dead_letters.size(), static_cast<std::size_t>(unreadable));
  for (const auto& record : dead_letters) EXPECT_TRUE(messages::decode_dead_letter(record.value)) << record.value;
  int drawn = 0, handed_back = 0;
  for (const auto& [id, its] : outcomes()) {
    if (readable.erase(id) == 0) continue;
    EXPECT_EQ(its.ends + its.hand_backs, 1) << id;
    drawn += its.ends;
    handed_back += its.hand_backs;
  }
  EXPECT_TRUE(readable.empty()) << readable.size() << " have no event";
  EXPECT_GT(drawn, 500);
  EXPECT_GT(unreadable, 500);

  const messages::Request good{.id = "good", .time = now(), .model = "flat", .prompt = "a fox", .seed = 1};
  producer->send({.topic = kTopic, .partition = 0, .key = good.id, .value = encode(good)});
  EXPECT_TRUE(eventually([&] { return committed() == kRequests + 1; }));
  EXPECT_EQ(outcomes()[good.id].ends, 1);
  EXPECT_TRUE(store.objects().contains(messages::image_key(good.id, good.time, 1))) << "it still draws";
  EXPECT_EQ(worker->problem(), "");
  std::cout << kRequests << " mutated requests: " << unreadable << " dead dead_letters, " << drawn << " ended, " << handed_back
            << " handed back\n"
            << kControl << " mutated control messages: " << bad_control << " dropped and counted, " << kControl - bad_control << " taken\n";
}

}  // namespace
}  // namespace p2p::worker
