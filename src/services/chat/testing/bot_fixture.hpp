#pragma once

#include <gmock/gmock.h>

#include <atomic>
#include <deque>
#include <thread>

#include "base/testing/temp_folder.hpp"
#include "platform/messages/messages.hpp"
#include "services/chat/bot.hpp"
#include "services/chat/testing/faulty_store.hpp"
#include "services/dispatch/testing/running_dispatch.hpp"
#include "services/testing/eventually.hpp"
#include "services/testing/fake_api.hpp"
#include "services/testing/is_kept.hpp"
#include "services/testing/memory_bus.hpp"
#include "services/testing/memory_store.hpp"
#include "services/testing/mutator.hpp"

namespace p2p::chat {

using messages::Event;
using p2p::testing::eventually;
using p2p::testing::FakeApi;
using ::testing::HasSubstr;

inline const std::string kTopic = "prompt2pic.requests.flat";

/// A bot that runs on doubles, and a worker that is the test.
class BotFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    bus.ensure_topics({{kTopic, 2}, {std::string(messages::kEventsTopic), 1}, {std::string(messages::kControlTopic), 1}});
    worker = bus.subscribe(std::string(messages::kWorkersGroup), {kTopic}, {});
    worker->poll({});
    config.rules.username = "Prompt2PicBot";
    config.rules.model = "flat";
    config.clock = [this] { return now() + skipped.load(); };
    config.steady_clock = [this] { return std::chrono::steady_clock::now() + steady_skipped.load(); };
    start();
  }
  void TearDown() override { stop(); }
  void start() {
    database = std::make_unique<FaultyStore>(open_store(Secret("sqlite:///" + (folder.path() / "bot.db").string())));
    queue = std::make_unique<dispatch::RunningDispatch>(bus, metrics, requests::ClientConfig{}, dispatch_config);
    bot = std::make_unique<Bot>(api, bus, queue->client, queue->dispatch, store, *database, metrics, config);
    thread = std::jthread([this](const std::stop_token& token) { bot->run(token); });
  }
  void stop() {
    thread.request_stop();
    if (thread.joinable()) thread.join();
    bot.reset();
    queue.reset();
    database.reset();
  }
  /// As kill -9 between a turn's end and its effects: nothing that the bot sends from now on arrives.
  void crash() {
    bus.freeze(true);
    stop();
    bus.freeze(false);
  }

  bool take(const Json& update) { return p2p::testing::is_kept(*bot, update); }
  bool say(const std::string& text, std::int64_t chat = 5, std::int64_t user = 5) {
    const Json message{{"message_id", ++number},
                       {"date", 1},
                       {"text", text},
                       {"chat", {{"id", chat}, {"type", chat > 0 ? "private" : "supergroup"}}},
                       {"from", {{"id", user}, {"is_bot", false}, {"first_name", "x"}}}};
    return take({{"update_id", ++number}, {"message", message}});
  }
  /// A message of these members in a chat, by a person where none is given.
  void give(Json members, std::int64_t chat = 5) {
    Json message{{"message_id", ++number},
                 {"date", 1},
                 {"chat", {{"id", chat}, {"type", chat > 0 ? "private" : "supergroup"}}},
                 {"from", {{"id", 5}, {"is_bot", false}, {"first_name", "x"}}}};
    message.update(members);
    take({{"update_id", ++number}, {"message", message}});
  }
  void press(const std::string& data, std::int64_t user = 5, std::int64_t chat = 5) {
    const Json message{{"message_id", 1}, {"date", 1}, {"chat", {{"id", chat}, {"type", chat > 0 ? "private" : "supergroup"}}}};
    take({{"update_id", ++number},
          {"callback_query", {{"id", "q"}, {"from", {{"id", user}, {"is_bot", false}}}, {"data", data}, {"message", message}}}});
  }
  /// Moves the bot's clock and lets it notice.
  void skip(std::chrono::milliseconds time) {
    skipped = skipped.load() + time;
    take({{"update_id", ++number}});
  }
  /// As eventually(), for what the bot does at a later time: its clock runs ahead until then.
  bool later(const std::function<bool()>& condition) {
    for (int step = 0; step < 20'000 && !condition(); ++step) skip(std::chrono::milliseconds(100));
    return condition();
  }
  messages::Request next_request() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (waiting.empty() && std::chrono::steady_clock::now() < deadline) {
      for (const auto& record : worker->poll(std::chrono::seconds(1))) waiting.push_back(*messages::decode_request(record.value));
    }
    if (waiting.empty()) throw std::runtime_error("no request came");
    const messages::Request request = waiting.front();
    waiting.pop_front();
    return request;
  }
  void publish(const messages::Request& request, Event::What what) {
    const Event event{.id = request.id, .time = now(), .worker = "worker", .dispatch = request.dispatch, .what = std::move(what)};
    bus.producer()->send({.topic = std::string(messages::kEventsTopic), .key = event.id, .value = encode(event)});
  }
  /// Stores the request's picture, under that key or its own, and publishes its end.
  void finish(const messages::Request& request, std::string key = "") {
    if (key.empty()) key = messages::image_key(request.id, request.time, 1);
    store.put(key, "PNG", "image/png");
    publish(request, messages::Finished{.images = {{key, 64, 64, request.seed, 3}}, .seconds = {{"total", 1}}, .offers = offers});
  }
  std::vector<FakeApi::Shown> pictures() {
    auto list = api.shown();
    std::erase_if(list, [](const auto& shown) { return shown.media.empty(); });
    return list;
  }
  bool is_pictured(const std::string& prompt) {
    return std::ranges::any_of(pictures(), [&](const auto& shown) { return shown.text.find(prompt) != std::string::npos; });
  }
  /// A request whose picture is shown with a link that has expired.
  messages::Request expired_picture() {
    say("a fox");
    const auto request = next_request();
    finish(request);
    EXPECT_TRUE(eventually([&] { return pictures().size() == 1; }));
    skip(config.link_ttl);
    EXPECT_TRUE(later([&] { return pictures()[0].keyboard[0][0].data == "link:" + request.id; }));
    return request;
  }
  bool is_shown(const std::string& words) {
    return std::ranges::any_of(api.shown(), [&](const auto& shown) { return shown.text.find(words) != std::string::npos; });
  }

  TempFolder folder;
  FakeApi api;
  p2p::testing::MemoryBus bus;
  p2p::testing::MemoryStore store;
  Metrics metrics;
  BotConfig config;
  std::unique_ptr<FaultyStore> database;
  dispatch::DispatchConfig dispatch_config;
  std::unique_ptr<dispatch::RunningDispatch> queue;
  std::unique_ptr<Bot> bot;
  std::unique_ptr<bus::Subscription> worker;
  std::deque<messages::Request> waiting;
  std::vector<std::string> offers;  ///< of what finish() publishes
  std::int64_t number = 0;
  std::atomic<std::chrono::milliseconds> skipped{};
  std::atomic<std::chrono::seconds> steady_skipped{};
  std::jthread thread;
};

}  // namespace p2p::chat
