#include "services/bot/bot.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "platform/messages/messages.hpp"
#include "services/testing/fake_api.hpp"
#include "services/testing/memory_bus.hpp"
#include "services/testing/memory_store.hpp"

namespace p2p::bot {
namespace {

using messages::Event;
using messages::EventType;
using p2p::testing::FakeApi;
using ::testing::HasSubstr;

const std::string kTopic = "prompt2pic.requests.flat";

class BotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    bus.ensure_topics({{kTopic, 2}, {std::string(messages::kEventsTopic), 1}, {std::string(messages::kControlTopic), 1}});
    worker = bus.subscribe(std::string(messages::kWorkersGroup), {kTopic}, {});
    worker->poll({});
    config.username = "Prompt2PicBot";
    config.model = "flat";
    start();
  }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(folder);
  }
  void start() {
    state = open_state(Secret("sqlite:///" + (folder / "bot.db").string()));
    bot = std::make_unique<Bot>(api, bus, store, *state, metrics, config);
    thread = std::jthread([this](const std::stop_token& token) { bot->run(token); });
  }
  void stop() {
    thread.request_stop();
    if (thread.joinable()) thread.join();
    bot.reset();
    state.reset();
  }
  /// As kill -9 between a turn's end and its effects: nothing that the bot sends from now on arrives.
  void crash() {
    bus.freeze(true);
    stop();
    bus.freeze(false);
  }

  bool say(const std::string& text, std::int64_t chat = 5, std::int64_t user = 5) {
    const Json message{{"message_id", ++number},
                       {"date", 1},
                       {"text", text},
                       {"chat", {{"id", chat}, {"type", chat > 0 ? "private" : "supergroup"}}},
                       {"from", {{"id", user}, {"is_bot", false}, {"first_name", "x"}}}};
    return bot->take({{"update_id", ++number}, {"message", message}}, std::chrono::seconds(10));
  }
  void press(const std::string& data, std::int64_t user = 5, std::int64_t chat = 5) {
    const Json message{{"message_id", 1}, {"date", 1}, {"chat", {{"id", chat}, {"type", chat > 0 ? "private" : "supergroup"}}}};
    bot->take({{"update_id", ++number},
               {"callback_query", {{"id", "q"}, {"from", {{"id", user}, {"is_bot", false}}}, {"data", data}, {"message", message}}}},
              std::chrono::seconds(10));
  }
  void wait_until(const std::function<bool()>& condition) {
    for (int i = 0; i < 5000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    EXPECT_TRUE(condition());
  }
  messages::Request next_request() {
    for (int i = 0; i < 500; ++i) {
      for (const auto& record : worker->poll(std::chrono::milliseconds(20))) waiting.push_back(*messages::decode_request(record.value));
      if (!waiting.empty()) {
        const messages::Request request = waiting.front();
        waiting.erase(waiting.begin());
        return request;
      }
    }
    ADD_FAILURE() << "no request came";
    return {};
  }
  void tell(const messages::Request& request, EventType type, const std::string& reason = "", const std::string& stage = "",
            double fraction = 0, std::string key = "") {
    Event event{.id = request.id,
                .time = now(),
                .type = type,
                .worker = "worker",
                .dispatch = request.dispatch,
                .attempt = 1,
                .stage = stage,
                .fraction = fraction,
                .reason = reason};
    if (type == EventType::finished) {
      if (key.empty()) key = messages::image_key(request.id, request.time, 1);
      store.put(key, "PNG", "image/png");
      event.images = {{key, 64, 64, request.seed, 3}};
      event.seconds["total"] = 1;
      event.offers = offers;
    }
    bus.producer()->send({.topic = std::string(messages::kEventsTopic), .key = event.id, .value = encode(event)});
  }
  std::vector<FakeApi::Shown> pictures() {
    auto list = api.shown();
    std::erase_if(list, [](const auto& shown) { return shown.media.empty(); });
    return list;
  }
  bool is_shown(const std::string& words) {
    return std::ranges::any_of(api.shown(), [&](const auto& shown) { return shown.text.find(words) != std::string::npos; });
  }

  std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / ("bot-" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
  FakeApi api;
  p2p::testing::MemoryBus bus;
  p2p::testing::MemoryStore store;
  Metrics metrics;
  BotConfig config;
  std::unique_ptr<State> state;
  std::unique_ptr<Bot> bot;
  std::unique_ptr<bus::Subscription> worker;
  std::vector<messages::Request> waiting;
  std::vector<std::string> offers;  ///< of what is told to be finished
  std::int64_t number = 0;
  std::jthread thread;
};

TEST_F(BotTest, WordsBecomeAPictureInTheStatusMessage) {
  EXPECT_TRUE(say("/txt2img a fox"));
  const auto request = next_request();
  EXPECT_EQ(request.prompt, "a fox");
  tell(request, EventType::started);
  tell(request, EventType::finished);
  wait_until([&] { return pictures().size() == 1; });
  EXPECT_EQ(api.shown().size(), 1u);
  EXPECT_EQ(pictures()[0].media, "photo");
  EXPECT_THAT(pictures()[0].text, HasSubstr("a fox"));
  EXPECT_THAT(pictures()[0].keyboard[0][0].url, HasSubstr("https://pictures.example.org/images/"));
}

TEST_F(BotTest, AZeroByteIsLeftOut) {
  say(std::string("a\0fox", 5));
  EXPECT_EQ(next_request().prompt, "afox");
}

TEST_F(BotTest, EveryReasonIsTold) {
  const std::map<std::string, std::string> words{{"cannot_do", "cannot be drawn"},       {"no_worker", "Nobody here"},
                                                 {"killed_worker", "broke down twice"},  {"unreadable", "damaged"},
                                                 {"drawing_failed", "did not work out"}, {"storing_failed", "could not be stored"},
                                                 {"withheld", "withheld this picture"}};
  std::int64_t chat = 10;
  for (const auto& [reason, text] : words) {
    say("a fox", chat, chat);
    tell(next_request(), EventType::failed, reason);
    wait_until([&] { return is_shown(text); });
    ++chat;
  }
}

TEST_F(BotTest, AnothersPictureIsNotShown) {
  say("a fox");
  const auto request = next_request();
  tell(request, EventType::finished, "", "", 0, messages::image_key("another", request.time, 1));
  tell(request, EventType::finished);
  wait_until([&] { return pictures().size() == 1; });
  EXPECT_THAT(pictures()[0].keyboard[0][0].url, HasSubstr(request.id));
}

TEST_F(BotTest, ACrashAtAnyPointShowsOnePicture) {
  say("a fox");
  crash();
  start();
  const auto request = next_request();
  tell(request, EventType::started);
  crash();
  tell(request, EventType::finished);
  start();
  wait_until([&] { return pictures().size() == 1; });
  crash();
  start();
  tell(request, EventType::finished);  // as a worker that was thought dead might
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(pictures().size(), 1u);
}

TEST_F(BotTest, TheSameUpdateCountsOnce) {
  say("a fox");
  next_request();
  number -= 2;
  say("a fox");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_TRUE(worker->poll({}).empty());
}

TEST_F(BotTest, WhatWasHandedBackIsSentAgain) {
  say("a fox");
  const auto first = next_request();
  tell(first, EventType::started);
  tell(first, EventType::progress, "", "handed_back");
  const auto second = next_request();
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.dispatch, 2);
}

TEST_F(BotTest, CancelledWhileItWaitsAndWhileItIsDrawn) {
  say("one", 5);
  const auto drawn = next_request();
  say("two", 5);
  wait_until([&] { return api.shown().size() == 2; });
  say("/cancel", 5);
  wait_until([&] { return is_shown("Cancelled."); });
  press("cancel:" + drawn.id);
  wait_until([&] { return bus.records(std::string(messages::kControlTopic)).size() == 1; });
  tell(drawn, EventType::cancelled);
  wait_until([&] { return std::ranges::count_if(api.shown(), [](const auto& shown) { return shown.text == "Cancelled."; }) == 2; });
}

TEST_F(BotTest, ButtonsAreTheirOwners) {
  say("a fox", -7, 5);
  EXPECT_TRUE(worker->poll(std::chrono::milliseconds(50)).empty()) << "plain text in a group asks for nothing";
  say("/txt2img a fox", -7, 5);
  const auto request = next_request();
  press("cancel:" + request.id, 6, -7);
  press("cancel:" + request.id, 5, 99);
  press("again:../../etc", 5, -7);
  press(std::string(64, '\xff'), 5, -7);
  wait_until([&] { return api.answers().size() == 4; });
  EXPECT_THAT(api.answers(), ::testing::UnorderedElementsAre(HasSubstr("for the one who asked"), HasSubstr("out of date"),
                                                             HasSubstr("out of date"), HasSubstr("out of date")));
  EXPECT_TRUE(bus.records(std::string(messages::kControlTopic)).empty());
}

TEST_F(BotTest, VariationsAndLargerOnesAreDrawnFromTheSamePicture) {
  offers = {"variation", "larger"};
  say("a fox");
  const auto first = next_request();
  press("vary:" + first.id);
  wait_until([&] { return api.answers().size() == 1; });
  EXPECT_THAT(api.answers(), ::testing::ElementsAre(HasSubstr("out of date"))) << "there is no picture yet";
  tell(first, EventType::finished);
  wait_until([&] { return pictures().size() == 1; });

  press("vary:" + first.id);
  const auto varied = next_request();
  EXPECT_EQ(varied.prompt, "a fox");
  EXPECT_EQ(varied.seed, first.seed);
  EXPECT_EQ(varied.variations.size(), 1u);
  EXPECT_FALSE(varied.upscale);
  offers = {"larger"};
  tell(varied, EventType::finished);
  wait_until([&] { return pictures().size() == 2; });

  press("vary:" + varied.id);
  wait_until([&] { return api.answers().size() == 3; });
  EXPECT_THAT(api.answers().back(), HasSubstr("out of date")) << "not offered of this one";
  press("larger:" + varied.id);
  const auto larger = next_request();
  EXPECT_EQ(larger.seed, first.seed);
  EXPECT_EQ(larger.variations, varied.variations);
  EXPECT_EQ(larger.upscale, 2);
  tell(larger, EventType::finished);
  press("again:" + larger.id);
  const auto again = next_request();
  EXPECT_NE(again.seed, first.seed);
  EXPECT_TRUE(again.variations.empty());
  EXPECT_FALSE(again.upscale);
}

TEST_F(BotTest, LimitsAreToldWithTheirReason) {
  stop();
  config.user_queue = 1;
  config.user_per_day = 3;
  config.block = {66};
  config.worker_grace = std::chrono::hours(1);
  start();
  say("a", 66, 66);
  wait_until([&] { return is_shown("does not draw for you"); });
  say("one");
  next_request();
  say("two");
  say("three");
  wait_until([&] { return is_shown("already have 1 request waiting"); });
  say("/cancel");
  say("four");
  say("/cancel");
  say("five");
  wait_until([&] { return is_shown("3 requests a day"); });
}

TEST_F(BotTest, ADocumentStandsInWhereNoLinkIsReached) {
  store.has_links = false;
  say("a fox");
  tell(next_request(), EventType::finished);
  wait_until([&] { return pictures().size() == 2; });
  EXPECT_EQ(pictures()[0].media, "photo");
  EXPECT_EQ(pictures()[1].media, "document");
}

TEST_F(BotTest, ExpiredLinksAreRenewed) {
  stop();
  config.link_ttl = std::chrono::seconds(0);
  start();
  say("a fox");
  const auto request = next_request();
  tell(request, EventType::finished);
  wait_until([&] { return pictures().size() == 1 && pictures()[0].keyboard[0][0].data == "link:" + request.id; });
  press("link:" + request.id);
  wait_until([&] { return !pictures()[0].keyboard[0][0].url.empty(); });
}

TEST_F(BotTest, ANewLinkComesAlsoWhenTelegramAsksToWait) {
  stop();
  config.link_ttl = std::chrono::seconds(1);
  start();
  say("a fox");
  const auto request = next_request();
  tell(request, EventType::finished);
  wait_until([&] { return pictures().size() == 1 && pictures()[0].keyboard[0][0].data == "link:" + request.id; });
  api.fail({.kind = telegram::Failure::Kind::flood, .retry_after = std::chrono::seconds(1)}, 1);
  api.fail({.kind = telegram::Failure::Kind::unreachable}, 1);
  press("link:" + request.id);
  wait_until([&] { return !pictures()[0].keyboard[0][0].url.empty(); });
}

TEST_F(BotTest, FaultsOfTelegramAreRepeated) {
  using Kind = telegram::Failure::Kind;
  api.fail({.kind = Kind::unreachable}, 2);
  api.fail({.kind = Kind::flood, .retry_after = std::chrono::seconds(1)}, 1);
  say("a fox");
  tell(next_request(), EventType::finished);
  wait_until([&] { return pictures().size() == 1; });
}

TEST_F(BotTest, ARefusedPhotoGoesAsADocumentThenAsText) {
  say("a fox");
  const auto request = next_request();
  wait_until([&] { return api.shown().size() == 1; });
  api.fail({.kind = telegram::Failure::Kind::bad_request, .text = "Bad Request: IMAGE_PROCESS_FAILED"}, 2);
  tell(request, EventType::finished);
  wait_until([&] { return is_shown("Telegram does not show this picture"); });
}

TEST_F(BotTest, ThreadsMayBringUpdatesAtOnce) {
  std::vector<std::jthread> people;
  std::atomic<std::int64_t> update = 1000;
  for (int person = 1; person <= 4; ++person) {
    people.emplace_back([&, person] {
      for (int i = 0; i < 5; ++i) {
        const Json message{{"message_id", 1},
                           {"date", 1},
                           {"text", "a fox"},
                           {"chat", {{"id", person * 100 + i}, {"type", "private"}}},
                           {"from", {{"id", person}, {"is_bot", false}}}};
        EXPECT_TRUE(bot->take({{"update_id", ++update}, {"message", message}}, std::chrono::seconds(10)));
      }
    });
  }
  people.clear();
  for (int i = 0; i < 20; ++i) tell(next_request(), EventType::finished);
  wait_until([&] { return pictures().size() == 20; });
}

}  // namespace
}  // namespace p2p::bot
