// What Telegram refuses ends in true words, and in at most one picture.

#include "platform/telegram/failure.hpp"
#include "services/chat/testing/bot_fixture.hpp"

namespace p2p::chat {
namespace {

constexpr int kAlways = 1'000;

class RefusalTest : public BotFixture {
 protected:
  void refuse(const std::string& kind, const std::string& words, int count = kAlways, int code = 400) {
    api.fail(telegram::failure_of(code, {{"ok", false}, {"error_code", code}, {"description", words}}), count, kind);
  }
  messages::Request shown_request(std::int64_t chat = 5) {
    const auto before = api.shown().size();
    say("/txt2img a fox", chat);
    const auto request = next_request();
    EXPECT_TRUE(eventually([&] { return api.shown().size() > before; }));
    return request;
  }
  bool was_said(const std::string& words) {
    return std::ranges::any_of(api.said(), [&](const std::string& text) { return text.contains(words); });
  }
};

TEST_F(RefusalTest, WithoutRightsForPhotosItIsADocument) {
  const auto request = shown_request(-5);
  refuse("photo", "Bad Request: not enough rights to send photos to the chat");
  finish(request);
  EXPECT_TRUE(later([&] { return pictures().size() == 1; }));
  EXPECT_EQ(pictures()[0].media, "document");
}

TEST_F(RefusalTest, WithoutAnyRightsItIsALinkAndTheReason) {
  const auto request = shown_request(-5);
  refuse("photo", "Bad Request: not enough rights to send photos to the chat");
  refuse("document", "Bad Request: CHAT_SEND_DOCS_FORBIDDEN");
  finish(request);
  EXPECT_TRUE(later([&] { return is_shown("ask an administrator to allow it. Here it is: https://pictures"); }));
  EXPECT_EQ(api.shown().size(), 1u);
  EXPECT_THAT(api.shown()[0].keyboard[0][0].url, HasSubstr("https://pictures"));
}

TEST_F(RefusalTest, WithoutALinkTheReasonIsLeft) {
  store.has_links = false;
  const auto request = shown_request(-5);
  refuse("photo", "Bad Request: CHAT_SEND_PHOTOS_FORBIDDEN");
  refuse("document", "Bad Request: CHAT_SEND_DOCS_FORBIDDEN");
  finish(request);
  EXPECT_TRUE(later([&] { return is_shown("ask an administrator to allow it. The button"); }));
}

TEST_F(RefusalTest, ATextThatIsRefusedGoesWithoutTheLink) {
  const auto request = shown_request();
  refuse("photo", "Bad Request: IMAGE_PROCESS_FAILED");
  refuse("document", "Request Entity Too Large", kAlways, 413);
  refuse("text", "Bad Request: something of tomorrow", 1);
  finish(request);
  EXPECT_TRUE(later([&] { return is_shown("Telegram did not accept it (Request Entity Too Large). The button"); }));
}

TEST_F(RefusalTest, EveryRefusalOfEditsEndsInWords) {
  std::int64_t chat = -100;
  for (const auto& [code, words] : std::vector<std::pair<int, std::string>>{{400, "Bad Request: message can't be edited"},
                                                                            {400, "Bad Request: MESSAGE_ID_INVALID"},
                                                                            {400, "Bad Request: TOPIC_CLOSED"},
                                                                            {400, "Bad Request: chat not found"},
                                                                            {400, "Bad Request: BUTTON_URL_INVALID"},
                                                                            {400, "Bad Request: message to be replied not found"},
                                                                            {400, "Bad Request: something of tomorrow"},
                                                                            {403, "Forbidden: something of tomorrow"}}) {
    const auto request = shown_request(--chat);
    for (const char* kind : {"photo", "document", "text"}) refuse(kind, words, 30, code);
    finish(request);
    const auto is_said = [&] {
      return std::ranges::any_of(api.shown(),
                                 [&](const auto& shown) { return shown.chat == chat && shown.text.contains("The picture is drawn"); });
    };
    if (code == 403 || words.contains("chat not found")) {
      EXPECT_TRUE(later([&] { return p2p::testing::sum_of(metrics.text(), "prompt2pic_undeliverable_total") > 0; })) << words;
    } else {
      EXPECT_TRUE(later(is_said)) << words;
    }
    api.mend();
  }
  EXPECT_TRUE(pictures().empty());
}

TEST_F(RefusalTest, AFailedRequestIsToldInAMessageOfItsOwn) {
  const auto request = shown_request();
  refuse("text", "Bad Request: something of tomorrow");
  publish(request, messages::Failed{.reason = "withheld"});
  EXPECT_TRUE(later([&] { return is_shown("withheld this picture"); }));
}

TEST_F(RefusalTest, AStatusThatIsRefusedIsSentAgainAndNothingIsCancelled) {
  refuse("send", "Bad Request: something of tomorrow", 3);
  say("/txt2img a fox", -5);
  finish(next_request());
  EXPECT_TRUE(later([&] { return pictures().size() == 1; }));
  EXPECT_FALSE(was_said("Cancel"));
}

TEST_F(RefusalTest, WhereTheMessageIsGoneItIsSentWithoutReply) {
  refuse("send", "Bad Request: message to be replied not found", 1);
  say("/help", 6);
  EXPECT_TRUE(later([&] { return is_shown("draw a picture"); }));
  refuse("send", "Bad Request: message to be replied not found", 1);
  say("a fox");
  finish(next_request());
  EXPECT_TRUE(later([&] { return pictures().size() == 1; }));
  EXPECT_FALSE(was_said("Cancel"));
}

TEST_F(RefusalTest, AButtonThatIsRefusedCostsTheLinkAlone) {
  const auto request = shown_request();
  refuse("photo", "Bad Request: inline keyboard button URL 'https://x' is invalid: Wrong HTTP URL", 1);
  finish(request);
  EXPECT_TRUE(later([&] { return pictures().size() == 2; }));
  EXPECT_EQ(pictures()[0].media, "photo");
  EXPECT_EQ(pictures()[1].media, "document") << "the original";
}

TEST_F(RefusalTest, AnOriginalThatIsRefusedSaysWhy) {
  store.has_links = false;
  const auto request = shown_request(-5);
  refuse("document", "Bad Request: not enough rights to send documents to the chat");
  finish(request);
  EXPECT_TRUE(later([&] { return is_shown("no rights to send files here"); }));
  EXPECT_FALSE(is_shown("The original as a file"));
}

TEST_F(RefusalTest, APictureWhoseReplyWasLostIsNoRefusal) {
  const auto request = shown_request();
  finish(request);
  EXPECT_TRUE(eventually([&] { return pictures().size() == 1; }));
  skip(std::chrono::minutes(1));
  const auto second = shown_request(6);
  refuse("photo", "Bad Request: something of tomorrow");
  refuse("document", "Bad Request: something of tomorrow");
  refuse("text", "Bad Request: there is no text in the message to edit");
  finish(second);
  EXPECT_TRUE(later([&] { return p2p::testing::sum_of(metrics.text(), "prompt2pic_requests_unsettled") == 0; }));
  EXPECT_EQ(api.shown().size(), 2u) << "it is there: nothing more is said";
}

TEST_F(RefusalTest, TelegramsLimitsAreNotTheStoresFault) {
  const auto request = shown_request();
  api.fail({.kind = telegram::Failure::Kind::flood, .retry_after = std::chrono::seconds(20)}, 2, "photo");
  finish(request);
  EXPECT_TRUE(later([&] { return pictures().size() == 1; }));
  EXPECT_FALSE(was_said("storage is slow"));
}

TEST_F(RefusalTest, AStoreThatFailsIsNamed) {
  const auto request = shown_request();
  const std::string key = messages::image_key(request.id, request.time, 1);
  store.put(key, "PNG", "image/png");
  store.failures = kAlways;
  publish(request, messages::Finished{.images = {{key, 64, 64, request.seed, 3}}});
  EXPECT_TRUE(later([&] { return was_said("storage is slow"); }));
  store.failures = 0;
  EXPECT_TRUE(later([&] { return pictures().size() == 1; }));
}

}  // namespace
}  // namespace p2p::chat
