// 60,000 mutated updates and 20,000 mutated events for the bot, with valid ones between them: each is answered or counted as dropped, and
// every request that was accepted ends and is shown.

#include <gmock/gmock.h>

#include <atomic>
#include <barrier>
#include <filesystem>
#include <thread>

#include "base/log.hpp"
#include "base/testing/temp_folder.hpp"
#include "platform/messages/messages.hpp"
#include "services/chat/bot.hpp"
#include "services/dispatch/testing/running_dispatch.hpp"
#include "services/testing/eventually.hpp"
#include "services/testing/fake_api.hpp"
#include "services/testing/is_kept.hpp"
#include "services/testing/memory_bus.hpp"
#include "services/testing/memory_store.hpp"
#include "services/testing/mutator.hpp"

namespace p2p::chat {
namespace {

using messages::Event;
using p2p::testing::eventually;
using p2p::testing::Mutator;

constexpr int kUpdates = 60'000;
constexpr int kEvents = 20'000;
constexpr std::chrono::minutes kPatience{2};
const std::string kTopic = "prompt2pic.requests.flat";
const std::string kEventsTopic(messages::kEventsTopic);

/// One of the kinds of update that Telegram sends, in a chat and from a user of its own.
Json update(Mutator& mutator, std::int64_t number, const std::string& request) {
  const std::int64_t person = 1'000'000 + number;
  const Json from{{"id", person}, {"is_bot", false}, {"first_name", "x"}, {"language_code", mutator.below(2) == 0 ? "ru" : "en"}};
  Json chat{{"id", person}, {"type", "private"}};
  if (mutator.below(4) == 0) chat = {{"id", -person}, {"type", "supergroup"}, {"title", "t"}};
  Json message{{"message_id", number}, {"date", 1'700'000'000}, {"chat", chat}, {"from", from}};
  const std::vector<std::string> texts{"лиса в снегу", "/txt2img a fox", "/txt2img@Prompt2PicBot a fox", "/start", "/help", "/queue",
                                       "/cancel all",  "hello"};
  switch (mutator.below(8)) {
    case 0:
    case 1: {
      message.update({{"message_id", 1}, {"reply_markup", Json::object()}});
      const std::string data = std::vector<std::string>{"again:", "vary:", "larger:", "cancel:", "link:"}[mutator.below(5)] + request;
      return {{"update_id", number},
              {"callback_query", {{"id", "4382bfdwdsb323b2d9"}, {"from", from}, {"message", message}, {"data", data}}}};
    }
    case 2:
      message["sticker"] = {{"file_id", "x"}};
      return {{"update_id", number}, {mutator.below(2) == 0 ? "message" : "edited_message", message}};
    case 3:
      message.update({{"is_topic_message", true}, {"message_thread_id", 3}});
      [[fallthrough]];
    default:
      message["text"] = texts[mutator.below(texts.size())];
      return {{"update_id", number}, {"message", message}};
  }
}

class BotMutation : public ::testing::Test {
 protected:
  void SetUp() override {
    log::configure(log::Level::error, log::Format::text);
    bus.ensure_topics({{kTopic, 2}, {kEventsTopic, 1}, {std::string(messages::kControlTopic), 1}});
    subscription = bus.subscribe(std::string(messages::kWorkersGroup), {kTopic}, {});
    subscription->poll({});
    database = open_store(url);
    queue = std::make_unique<dispatch::RunningDispatch>(bus, metrics, requests::ClientConfig{},
                                                        dispatch::DispatchConfig{.user_in_flight = 1000});
    bot = std::make_unique<Bot>(api, bus, queue->client, queue->dispatch, store, *database, metrics,
                                BotConfig{.rules = {.username = "Prompt2PicBot", .model = "flat"}, .calls_per_second = 1'000'000'000});
    running = std::jthread([this](const std::stop_token& stop) { bot->run(stop); });
    drawing = std::jthread([this](const std::stop_token& stop) { draw_all(stop); });
  }
  void stop() {
    running = {};
    drawing = {};
    bot.reset();
    queue.reset();
    database.reset();
  }
  void TearDown() override {
    stop();
    log::configure(log::Level::info, log::Format::text);
  }

  void send_event(const std::string& id, const std::string& value, const bus::Headers& headers) {
    producer->send({.topic = kEventsTopic, .key = id, .value = value, .headers = headers});
  }
  /// Two mutated events about the request.
  void send_mutated(const messages::Request& request) {
    for (int i = 0; i < 2 && mutated_events < kEvents; ++i, ++mutated_events) {
      const std::vector<messages::StoredImage> images{{messages::image_key(request.id, request.time, 1), 64, 64, 7, 3}};
      const std::map<std::string, double> seconds{{"total", 1}};
      const std::vector<Event::What> all{messages::Started{},
                                         messages::Progress{.stage = "prior", .fraction = 0.5},
                                         messages::HandedBack{.images = images, .seconds = seconds},
                                         messages::Finished{.images = images, .seconds = seconds, .used = {{"steps", "4"}}},
                                         messages::Failed{.reason = "cannot_do", .detail = "width is 5"},
                                         messages::Cancelled{}};
      const Event event{
          .id = request.id, .time = now(), .worker = "w", .dispatch = request.dispatch, .what = all[mutator.below(all.size())]};
      const std::string value = mutator.any(Json::parse(encode(event)));
      unreadable_events += !messages::decode_event(value);
      send_event(request.id, value, mutator.headers({{"traceparent", messages::new_traceparent()}, {"type", "started"}}));
    }
  }
  /// As a worker: mutated events, then the valid ones.
  void draw_all(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      for (const auto& record : subscription->poll(std::chrono::milliseconds(20))) {
        const auto request = messages::decode_request(record.value);
        ASSERT_TRUE(request) << request.error();  // whatever the update, what the bot writes is a message
        if (mutate) send_mutated(*request);
        const std::string key = messages::image_key(request->id, request->time, 1);
        store.put(key, "PNG", "image/png");
        const messages::Finished finished{.images = {{key, 64, 64, request->seed, 3}}, .seconds = {{"total", 1}}};
        const Event event{.id = request->id, .time = now(), .worker = "w", .dispatch = request->dispatch, .what = finished};
        send_event(event.id, encode(event), {});
        subscription->done(record.topic_partition(), record.offset);
      }
    }
  }
  double counted(const std::string& name, const std::string& label = "") { return p2p::testing::sum_of(metrics.text(), name, label); }
  double unfinished() { return counted("prompt2pic_requests_accepted_total") - counted("prompt2pic_requests_total"); }
  bool settled() { return unfinished() == 0 && counted("prompt2pic_requests_unsettled") == 0; }
  /// Whether a valid request from this chat gets its picture.
  bool draws_for(std::int64_t chat) {
    const Json from{{"id", chat}, {"is_bot", false}};
    p2p::testing::is_kept(
        *bot,
        {{"update_id", 2'000'000 + chat},
         {"message", {{"message_id", 1}, {"date", 1}, {"text", "a fox"}, {"chat", {{"id", chat}, {"type", "private"}}}, {"from", from}}}});
    return eventually(
        [&] { return std::ranges::any_of(api.shown(), [&](const auto& shown) { return shown.chat == chat && shown.media == "photo"; }); });
  }

  Mutator mutator{1};  ///< the drawing thread's
  TempFolder folder;
  Secret url{"sqlite:///" + (folder.path() / "bot.db").string()};
  p2p::testing::FakeApi api;
  p2p::testing::MemoryBus bus;
  p2p::testing::MemoryStore store;
  Metrics metrics;
  std::unique_ptr<ChatStore> database;
  std::unique_ptr<dispatch::RunningDispatch> queue;
  std::unique_ptr<Bot> bot;
  std::unique_ptr<bus::Subscription> subscription;
  std::unique_ptr<bus::Producer> producer = bus.producer();
  std::atomic<bool> mutate = false;  ///< whether draw_all does
  int mutated_events = 0;
  std::atomic<int> unreadable_events = 0;
  std::jthread running, drawing;
};

TEST_F(BotMutation, AnswersOrCountsEveryUpdateAndEvent) {
  ASSERT_TRUE(draws_for(5)) << metrics.text();
  const std::string known = messages::decode_request(bus.records(kTopic).at(0).value)->id;
  mutate = true;
  std::atomic<int> no_json = 0;
  constexpr int kPeople = 8;
  const auto let_it_catch_up = [&]() noexcept { eventually([&] { return unfinished() <= 300; }); };
  std::barrier batch(kPeople, let_it_catch_up);
  std::vector<std::jthread> people;
  for (int person = 0; person < kPeople; ++person) {
    people.emplace_back([&, person] {
      Mutator its(static_cast<std::uint32_t>(person + 1));
      for (int i = 0; i < kUpdates / kPeople; ++i) {
        if (i % 100 == 0) batch.arrive_and_wait();
        const int number = i * kPeople + person;
        try {  // as the webhook does
          const Json json = parse_json(its.any(update(its, number, known)), "update");
          EXPECT_TRUE(p2p::testing::is_kept(*bot, json));
        } catch (const Error&) {
          ++no_json;
        }
      }
    });
  }
  people.clear();
  EXPECT_TRUE(eventually([&] { return settled(); }, kPatience)) << metrics.text();
  mutate = false;
  drawing = {};
  for (messages::Request request{.id = known, .time = now(), .dispatch = 1}; mutated_events < kEvents;) send_mutated(request);
  const auto dropped = [&] { return counted("prompt2pic_events_dropped_total", "unreadable"); };
  EXPECT_TRUE(eventually([&] { return dropped() == unreadable_events; }, kPatience)) << dropped() << " of " << unreadable_events;
  drawing = std::jthread([this](const std::stop_token& stop) { draw_all(stop); });
  EXPECT_TRUE(draws_for(6));
  EXPECT_TRUE(eventually([&] { return settled(); }, kPatience));
  EXPECT_EQ(bot->problem(), "");

  const double unreadable = counted("prompt2pic_updates_dropped_total");
  EXPECT_EQ(no_json + unreadable + counted("prompt2pic_updates_total"), kUpdates + 2);
  for (const char* kind : {"message", "callback_query", "other"}) EXPECT_GT(counted("prompt2pic_updates_total", kind), 1000) << kind;
  const double accepted = counted("prompt2pic_requests_accepted_total");
  EXPECT_GT(accepted, 1000);
  std::cout << kUpdates << " mutated updates: " << no_json << " no JSON (400), " << unreadable << " no updates, "
            << counted("prompt2pic_updates_total") - 2 << " taken, " << accepted - 2 << " requests accepted, each ended and shown\n"
            << kEvents << " mutated events: " << unreadable_events << " dropped and counted, " << kEvents - unreadable_events << " taken\n";
  stop();
  database = open_store(url);
  database->transaction([&] {
    EXPECT_TRUE(database->unsettled().empty());
    EXPECT_TRUE(database->replies().all().empty());
    EXPECT_TRUE(database->outbox().all().empty());
  });
}

}  // namespace
}  // namespace p2p::chat
