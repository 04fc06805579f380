#pragma once

#include <gmock/gmock.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/error.hpp"
#include "services/testing/eventually.hpp"
#include "services/testing/memory_bus.hpp"
#include "services/testing/memory_store.hpp"
#include "services/worker/worker.hpp"

/// Fixture of the worker tests.
namespace p2p::worker {

using messages::Event;
using p2p::testing::eventually;

inline const std::string kTopic = "prompt2pic.requests.flat";
inline const std::string kEvents(messages::kEventsTopic);

/// A generator scripted by the prompt: "bad" is unsupported, "throw" fails, "unsafe" is withheld, "wait" draws until stopped or released.
class ScriptedGenerator : public ImageGenerator {
 public:
  GenerationResult draw(const messages::Request& request, std::string_view picture, const GenerationProgressFn& progress,
                        std::stop_token stop) override {
    ++drawings;
    if (request.prompt == "bad") throw UsageError("width is 5");
    if (request.prompt == "throw") throw std::runtime_error("numbers stopped being finite");
    if (request.prompt == "unsafe") throw Withheld("the safety checker withheld the picture");
    progress({"prior", 1, 2, 0.5});
    for (int step = 1; step <= steps; ++step) {
      before_step(step);
      progress({"decoder", step, steps, 0.5 + 0.5 * step / (steps + 1), [&, step] { return preview(step); }});
    }
    if (request.prompt == "wait") {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return go_; })) throw Cancelled();
    }
    GenerationResult drawing;
    drawing.picture = {"PNG of " + request.id + std::string(picture), 64, 64};
    drawing.seconds["prior"] = 0.1;
    return drawing;
  }
  messages::Model describe() const override { return {.features = features}; }
  /// Releases "wait".
  void release(bool go = true) {
    const std::scoped_lock lock(mutex_);
    go_ = go;
    changed_.notify_all();
  }
  std::atomic<int> drawings = 0;
  std::vector<std::string> features;
  int steps = 0;  ///< with previews, each after a call of before_step
  std::function<void(int step)> before_step = [](int) {};
  std::function<std::string(int step)> preview = [](int step) { return "step " + std::to_string(step); };

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool go_ = false;
};

class WorkerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    bus.ensure_topics(
        {{kTopic, 2}, {kEvents, 2}, {std::string(messages::kControlTopic), 1}, {std::string(messages::kDeadLettersTopic), 1}});
  }
  void TearDown() override { stop(); }

  WorkerConfig config_of(const std::string& name) {
    WorkerConfig config{.name = name, .generators = {{"flat", generator}}, .partitions = 2};
    config.uploads.unavailable = patience;
    config.uploads.refused = refused_patience;
    config.uploads.longest_pause = std::chrono::milliseconds(10);
    config.draw_within = draw_within;
    config.finish_within = finish_within;
    config.stop_within = finish_within + std::chrono::milliseconds(50);
    config.retry_after = std::chrono::milliseconds(5);
    config.clock = [this] { return std::chrono::steady_clock::time_point(std::chrono::seconds(seconds)); };
    config.flush_within = std::chrono::milliseconds(50);
    config.check_others_every = std::chrono::milliseconds(20);
    config.store_check = {.every = std::chrono::minutes(1), .again = std::chrono::milliseconds(5)};
    return config;
  }
  void start(const std::string& name = "w1") {
    bus.name_members(name);
    worker = std::make_unique<Worker>(bus, store, metrics, config_of(name));
    thread = std::jthread([this](const std::stop_token& token) { worker->run(token); });
  }
  void stop() {
    thread.request_stop();
    if (thread.joinable()) thread.join();
    worker.reset();
  }
  /// Simulates kill -9: nothing that the worker does from now on has an effect.
  void crash() {
    bus.freeze(true);
    generator->release();
    stop();
    generator->release(false);
    bus.freeze(false);
  }
  void ask(const std::string& id, const std::string& prompt = "a fox", int dispatch = 1, int partition = 0) {
    send(id, encode(messages::Request{.id = id, .time = now(), .model = "flat", .prompt = prompt, .seed = 7, .dispatch = dispatch}),
         partition);
  }
  void ask_with(const std::string& id, const std::string& image_key) {
    send(id, encode(messages::Request{.id = id, .time = now(), .model = "flat", .prompt = "a fox", .seed = 7, .image_key = image_key}));
  }
  void send(const std::string& key, const std::string& value, int partition = 0) {
    bus.producer()->send(
        {.topic = kTopic, .partition = partition, .key = key, .value = value, .headers = {{"traceparent", messages::new_traceparent()}}});
  }
  void send_control(const std::string& id, messages::Control::Type type, int dispatch = 0) {
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
  /// What the last event says, which must be of that type.
  template <typename What>
  What last(const std::string& id) {
    return std::get<What>(events(id).back().what);
  }
  /// The types of the request's events; for progress the stage.
  std::vector<std::string> history(const std::string& id) {
    std::vector<std::string> words;
    for (const Event& event : events(id)) {
      const auto* const progress = event.as<messages::Progress>();
      words.push_back(progress ? progress->stage : event.as<messages::HandedBack>() ? "handed_back" : std::string(type_of(event)));
    }
    return words;
  }
  void wait_for_end(const std::string& id) {
    EXPECT_TRUE(eventually([&] { return std::ranges::any_of(events(id), &Event::ends); })) << id;
  }
  void wait_for_start(const std::string& id) {
    EXPECT_TRUE(eventually([&] { return !events(id).empty(); })) << id;
  }
  std::size_t members() { return bus.describe_group(std::string(messages::kWorkersGroup)).members.size(); }
  std::int64_t committed(int partition = 0) { return bus.committed(std::string(messages::kWorkersGroup), {kTopic, partition}); }

  p2p::testing::MemoryBus bus;
  p2p::testing::MemoryStore store;
  Metrics metrics;
  std::shared_ptr<ScriptedGenerator> generator = std::make_shared<ScriptedGenerator>();
  std::chrono::milliseconds patience{300};
  std::chrono::milliseconds refused_patience{50};
  std::chrono::milliseconds draw_within = std::chrono::hours(1);
  std::chrono::milliseconds finish_within{0};
  std::atomic<int> seconds = 1000;  ///< the worker's clock
  std::unique_ptr<Worker> worker;
  std::jthread thread;
};

}  // namespace p2p::worker
