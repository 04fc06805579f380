// The ways in which people ask.

#include "services/chat/testing/bot_fixture.hpp"

namespace p2p::chat {
namespace {

using IntakeTest = BotFixture;

constexpr std::int64_t kGroup = -5;

TEST_F(IntakeTest, TakesEveryWayOfAskingInAGroup) {
  stop();
  config.rules.user_queue = 100;
  dispatch_config.user_in_flight = 100;
  start();
  const Json own{{"message_id", 3}, {"text", "Cancelled."}, {"from", {{"id", 1}, {"is_bot", true}, {"username", "Prompt2PicBot"}}}};
  const Json other{{"message_id", 4}, {"text", "a bear"}, {"from", {{"id", 7}, {"is_bot", false}}}};
  const Json hidden{{"id", 1087968824}, {"is_bot", true}, {"username", "GroupAnonymousBot"}};
  const std::vector<std::pair<Json, std::string>> ways{
      {{{"photo", Json::array()}, {"caption", "/txt2img a fox"}}, "a fox"},
      {{{"text", "/txt2img"}, {"reply_to_message", other}}, "a bear"},
      {{{"text", "/txt2img a fox"}, {"reply_to_message", other}}, "a fox"},
      {{{"text", "@prompt2picbot a fox"}}, "a fox"},
      {{{"text", "@prompt2picbot"}, {"reply_to_message", other}}, "a bear"},
      {{{"text", "a fox"}, {"reply_to_message", own}}, "a fox"},
      {{{"text", "/txt2img a fox"}, {"from", hidden}, {"sender_chat", {{"id", kGroup}, {"type", "supergroup"}}}}, "a fox"},
      {{{"text", "/txt2img a fox"}, {"from", hidden}, {"sender_chat", {{"id", -77}, {"type", "channel"}}}}, "a fox"},
  };
  for (const auto& [members, prompt] : ways) {
    give(members, kGroup);
    const auto request = next_request();
    EXPECT_EQ(request.prompt, prompt) << members;
    finish(request);
  }
  give({{"text", "/txt2img"}, {"reply_to_message", own}}, kGroup);
  EXPECT_TRUE(later([&] { return is_shown("Write what to draw"); })) << "the bot's own words are no request";
}

TEST_F(IntakeTest, AnAlbumGetsOneAnswerAndAnEventNone) {
  for (int i = 0; i < 10; ++i) give({{"photo", Json::array()}, {"media_group_id", "1"}});
  for (const char* event : {"new_chat_members", "pinned_message", "left_chat_member"}) give({{event, Json::object()}});
  say("/queue");
  EXPECT_TRUE(later([&] { return is_shown("Nothing of yours is waiting"); }));
  EXPECT_EQ(api.shown().size(), 2u);

  for (int i = 0; i < 10; ++i) give({{"photo", Json::array()}, {"media_group_id", "2"}, {"caption", "/txt2img a fox"}}, 6);
  EXPECT_EQ(next_request().prompt, "a fox");
  EXPECT_EQ(p2p::testing::sum_of(metrics.text(), "prompt2pic_requests_accepted_total"), 1);
}

TEST_F(IntakeTest, WhoAskedInAChatsNameCanCancel) {
  give({{"text", "/txt2img a fox"},
        {"from", {{"id", 1087968824}, {"is_bot", true}}},
        {"sender_chat", {{"id", kGroup}, {"type", "supergroup"}}}},
       kGroup);
  press("cancel:" + next_request().id, 9, kGroup);
  EXPECT_TRUE(eventually([&] { return bus.records(std::string(messages::kControlTopic)).size() == 1; }));
}

}  // namespace
}  // namespace p2p::chat
