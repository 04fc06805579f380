#include "services/chat/testing/bot_fixture.hpp"

namespace p2p::chat {
namespace {

using BotTest = BotFixture;

TEST_F(BotTest, ShowsThePictureInTheStatusMessage) {
  EXPECT_TRUE(say("/txt2img a fox"));
  const auto request = next_request();
  EXPECT_EQ(request.prompt, "a fox");
  publish(request, messages::Started{});
  finish(request);
  EXPECT_TRUE(eventually([&] { return pictures().size() == 1; }));
  EXPECT_EQ(api.shown().size(), 1u);
  EXPECT_EQ(pictures()[0].media, "photo");
  EXPECT_THAT(pictures()[0].text, HasSubstr("a fox"));
  EXPECT_THAT(pictures()[0].keyboard[0][0].url, HasSubstr("https://pictures.example.org/images/"));
}

TEST_F(BotTest, DropsZeroBytesFromPrompts) {
  say(std::string("a\0fox", 5));
  EXPECT_EQ(next_request().prompt, "afox");
}

TEST_F(BotTest, TakesTheLongestPromptOfTheMessages) {
  const std::string longest(messages::kMaxPrompt, 'x');
  say(longest + "x");
  EXPECT_TRUE(eventually([&] { return is_shown("That is too long: 16385 bytes, and at most 16384 are possible."); }));
  say(longest);
  EXPECT_EQ(next_request().prompt, longest);
}

TEST_F(BotTest, ShowsTheReasonOfEachFailure) {
  const std::map<std::string, std::string> words{{"cannot_do", "cannot be drawn"},       {"no_worker", "Nobody here"},
                                                 {"killed_worker", "broke down twice"},  {"unreadable", "damaged"},
                                                 {"drawing_failed", "did not work out"}, {"storing_failed", "could not be stored"},
                                                 {"withheld", "withheld this picture"}};
  std::int64_t chat = 10;
  for (const auto& [reason, text] : words) {
    say("a fox", chat, chat);
    publish(next_request(), messages::Failed{.reason = reason});
    EXPECT_TRUE(eventually([&] { return is_shown(text); }));
    ++chat;
  }
}

TEST_F(BotTest, SaysInRussianWhatCannotBeDone) {
  give({{"text", "лиса"}, {"from", {{"id", 5}, {"is_bot", false}, {"first_name", "x"}, {"language_code", "ru"}}}});
  const messages::Request request = next_request();
  publish(request,
          messages::Failed{.reason = "cannot_do",
                           .detail = sentence("size_too_large", "the size {0} is too large: at most {1} pixels are drawn", "9x9", 64)});
  EXPECT_TRUE(eventually([&] { return is_shown("Такое нарисовать нельзя: размер 9x9 слишком большой: рисуется не больше 64 пикселей"); }));
}

TEST_F(BotTest, IgnoresThePictureOfAnotherRequest) {
  say("a fox");
  const auto request = next_request();
  finish(request, messages::image_key("another", request.time, 1));
  finish(request);
  EXPECT_TRUE(eventually([&] { return pictures().size() == 1; }));
  EXPECT_THAT(pictures()[0].keyboard[0][0].url, HasSubstr(request.id));
}

TEST_F(BotTest, ShowsOnePictureDespiteCrashes) {
  say("a fox");
  crash();
  start();
  const auto request = next_request();
  publish(request, messages::Started{});
  crash();
  finish(request);
  start();
  EXPECT_TRUE(eventually([&] { return pictures().size() == 1; }));
  crash();
  start();
  finish(request);  // as a worker that was thought dead might
  say("a bear", 6, 6);
  finish(next_request());
  EXPECT_TRUE(eventually([&] { return is_pictured("a bear"); }));  // events are read in order
  stop();
  EXPECT_EQ(pictures().size(), 2u);
  EXPECT_TRUE(is_pictured("a fox"));
}

TEST_F(BotTest, TakesARepeatedUpdateOnce) {
  say("a fox");
  const auto request = next_request();
  number -= 2;
  say("a fox");
  finish(request);  // its worker is free for the next one
  say("a bear", 6, 6);
  EXPECT_EQ(next_request().prompt, "a bear");
  EXPECT_TRUE(worker->poll({}).empty());
}

TEST_F(BotTest, SendsAgainWhatAWorkerHandedBack) {
  say("a fox");
  const auto first = next_request();
  publish(first, messages::Started{});
  publish(first, messages::HandedBack{});
  const auto second = next_request();
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.dispatch, 2);
}

TEST_F(BotTest, CancelsWaitingAndDrawingRequests) {
  say("one");
  const auto drawn = next_request();
  say("two", 6);
  EXPECT_TRUE(eventually([&] { return api.shown().size() == 2; }));
  say("/cancel", 6);
  EXPECT_TRUE(eventually([&] { return is_shown("Cancelled."); }));
  press("cancel:" + drawn.id);
  EXPECT_TRUE(eventually([&] { return bus.records(std::string(messages::kControlTopic)).size() == 2; }));
  publish(drawn, messages::Cancelled{});
  EXPECT_TRUE(
      eventually([&] { return std::ranges::count_if(api.shown(), [](const auto& shown) { return shown.text == "Cancelled."; }) == 2; }));
}

TEST_F(BotTest, RefusesButtonsOfOthersAndOfOtherChats) {
  say("a bear", -7, 5);
  say("/txt2img a fox", -7, 5);
  const auto request = next_request();
  EXPECT_EQ(request.prompt, "a fox") << "plain text in a group asks for nothing";
  press("cancel:" + request.id, 6, -7);
  press("cancel:" + request.id, 5, 99);
  press("again:../../etc", 5, -7);
  press(std::string(64, '\xff'), 5, -7);
  EXPECT_TRUE(eventually([&] { return api.answers().size() == 4; }));
  EXPECT_THAT(api.answers(), ::testing::UnorderedElementsAre(HasSubstr("for the one who asked"), HasSubstr("out of date"),
                                                             HasSubstr("out of date"), HasSubstr("out of date")));
  EXPECT_TRUE(bus.records(std::string(messages::kControlTopic)).empty());
}

TEST_F(BotTest, DrawsVariationsAndLargerPicturesFromTheSameSeed) {
  offers = {"variation", "larger"};
  say("a fox");
  const auto first = next_request();
  press("vary:" + first.id);
  EXPECT_TRUE(eventually([&] { return api.answers().size() == 1; }));
  EXPECT_THAT(api.answers(), ::testing::ElementsAre(HasSubstr("out of date"))) << "there is no picture yet";
  finish(first);
  EXPECT_TRUE(eventually([&] { return pictures().size() == 1; }));

  press("vary:" + first.id);
  const auto varied = next_request();
  EXPECT_EQ(varied.prompt, "a fox");
  EXPECT_EQ(varied.seed, first.seed);
  EXPECT_EQ(varied.variations.size(), 1u);
  EXPECT_FALSE(varied.upscale);
  offers = {"larger"};
  finish(varied);
  EXPECT_TRUE(later([&] { return pictures().size() == 2; }));

  press("vary:" + varied.id);
  EXPECT_TRUE(eventually([&] { return api.answers().size() == 3; }));
  EXPECT_THAT(api.answers().back(), HasSubstr("out of date")) << "not offered of this one";
  press("larger:" + varied.id);
  const auto larger = next_request();
  EXPECT_EQ(larger.seed, first.seed);
  EXPECT_EQ(larger.variations, varied.variations);
  EXPECT_EQ(larger.upscale, 2);
  finish(larger);
  press("again:" + larger.id);
  const auto again = next_request();
  EXPECT_NE(again.seed, first.seed);
  EXPECT_TRUE(again.variations.empty());
  EXPECT_FALSE(again.upscale);
}

TEST_F(BotTest, RefusesBeyondLimitsWithTheReason) {
  stop();
  config.rules.user_queue = 1;
  config.rules.user_per_day = 3;
  config.rules.block = {66};
  dispatch_config.worker_grace = std::chrono::hours(1);
  start();
  say("a", 66, 66);
  EXPECT_TRUE(eventually([&] { return is_shown("does not draw for you"); }));
  say("one");
  publish(next_request(), messages::Started{});
  EXPECT_TRUE(eventually([&] { return queue->client.waiting_of("telegram:5") == 0; }));
  // Each in a chat of its own, as a chat gets one message a second.
  say("two", 6);
  say("three", 7);
  EXPECT_TRUE(eventually([&] { return is_shown("already have 1 request waiting"); }));
  say("/cancel", 8);
  say("four", 9);
  say("/cancel", 10);
  say("five", 11);
  EXPECT_TRUE(eventually([&] { return is_shown("3 requests a day"); }));
}

TEST_F(BotTest, SendsADocumentWhereThereAreNoLinks) {
  store.has_links = false;
  say("a fox");
  finish(next_request());
  EXPECT_TRUE(later([&] { return pictures().size() == 2; }));
  EXPECT_EQ(std::ranges::count(pictures(), "photo", &FakeApi::Shown::media), 1);
  EXPECT_EQ(std::ranges::count(pictures(), "document", &FakeApi::Shown::media), 1);
}

TEST_F(BotTest, RenewsAnExpiredLink) {
  stop();
  config.link_ttl = std::chrono::hours(1);
  start();
  const auto request = expired_picture();
  press("link:" + request.id);
  EXPECT_TRUE(eventually([&] { return !pictures()[0].keyboard[0][0].url.empty(); }));
}

TEST_F(BotTest, RenewsALinkDespiteFaultsOfTelegram) {
  stop();
  config.link_ttl = std::chrono::hours(1);
  start();
  const auto request = expired_picture();
  api.fail({.kind = telegram::Failure::Kind::flood, .retry_after = std::chrono::seconds(1)}, 1);
  api.fail({.kind = telegram::Failure::Kind::unreachable}, 1);
  press("link:" + request.id);
  EXPECT_TRUE(later([&] { return !pictures()[0].keyboard[0][0].url.empty(); }));
}

TEST_F(BotTest, RepeatsCallsThatTelegramFailed) {
  using Kind = telegram::Failure::Kind;
  api.fail({.kind = Kind::unreachable}, 2);
  api.fail({.kind = Kind::flood, .retry_after = std::chrono::seconds(1)}, 1);
  say("a fox");
  finish(next_request());
  EXPECT_TRUE(later([&] { return pictures().size() == 1; }));
}

TEST_F(BotTest, ShowsARefusedPhotoAsDocumentThenAsText) {
  say("a fox");
  const auto request = next_request();
  EXPECT_TRUE(eventually([&] { return api.shown().size() == 1; }));
  api.fail({.kind = telegram::Failure::Kind::bad_request, .text = "Bad Request: IMAGE_PROCESS_FAILED"}, 2);
  finish(request);
  EXPECT_TRUE(later([&] { return is_shown("Telegram did not accept it (IMAGE_PROCESS_FAILED). Here it is: https://"); }));
}

TEST_F(BotTest, TakesUpdatesFromSeveralThreads) {
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
        EXPECT_TRUE(take({{"update_id", ++update}, {"message", message}}));
      }
    });
  }
  people.clear();
  for (int i = 0; i < 20; ++i) finish(next_request());
  EXPECT_TRUE(later([&] { return pictures().size() == 20; }));
}

TEST_F(BotTest, WhatKafkaNeverTakesFails) {
  bus.refuse(kTopic, {"Message size too large", true});
  say("a fox");
  EXPECT_TRUE(later([&] { return is_shown("did not work out"); }));
  bus.refuse(kTopic, {});
  say("a cat");
  EXPECT_EQ(next_request().prompt, "a cat") << "its place is free";
}

TEST_F(BotTest, WhatStoodInATopicThatWasMadeAnewIsSentAgain) {
  say("a fox");
  const auto request = next_request();
  bus.make_anew(kTopic);
  const auto again = next_request();
  EXPECT_EQ(again.id, request.id);
  EXPECT_EQ(again.dispatch, 2);
  finish(again);
  EXPECT_TRUE(eventually([&] { return pictures().size() == 1; }));
}

}  // namespace
}  // namespace p2p::chat
