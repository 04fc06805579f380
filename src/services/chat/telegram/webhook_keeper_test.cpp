// Whether the bot knows that no update arrives.

#include "services/chat/telegram/webhook_keeper.hpp"
#include "services/chat/telegram/polling.hpp"
#include "services/chat/testing/bot_fixture.hpp"

namespace p2p::chat {
namespace {

const std::string kUrl = "https://bot.example.org/hook";
constexpr int kEveryCall = 1'000'000;

class ContactTest : public BotFixture {
 protected:
  void SetUp() override {
    BotFixture::SetUp();
    EXPECT_TRUE(eventually([&] { return bot->problem().empty(); }));
    api.set_webhook_info({.url = kUrl});
  }
  void TearDown() override {
    loop = {};
    BotFixture::TearDown();
  }
  void keep() {
    loop = std::jthread(
        [this](const std::stop_token& token) { keep_webhook(api, *bot, kUrl, Secret("s"), token, std::chrono::milliseconds(1)); });
  }
  bool has_problem(const std::string& words) {
    return eventually([&] { return bot->problem().contains(words); });
  }

  std::jthread loop;
};

TEST_F(ContactTest, APollThatFailsForAMinuteIsAProblem) {
  api.fail({.kind = telegram::Failure::Kind::unreachable, .text = "no route"}, kEveryCall, "getUpdates");
  loop = std::jthread([this](const std::stop_token& token) { poll_updates(api, *bot, metrics, token); });
  EXPECT_TRUE(eventually([&] { return p2p::testing::sum_of(metrics.text(), "prompt2pic_polling_failures_total") > 0; }));
  EXPECT_EQ(bot->problem(), "");
  steady_skipped = std::chrono::seconds(61);
  EXPECT_TRUE(has_problem("Telegram is not reachable: no route"));
  api.mend();
  EXPECT_TRUE(eventually([&] { return bot->problem().empty(); }));
}

TEST_F(ContactTest, AWebhookThatIsSetElsewhereIsSetAgain) {
  keep();
  for (const char* other : {"https://other.example.org/", ""}) {
    api.set_webhook_info({.url = other});
    EXPECT_TRUE(eventually([&] { return api.webhook().url == kUrl; }));
  }
  EXPECT_TRUE(eventually([&] { return bot->problem().empty(); }));
  api.fail({.kind = telegram::Failure::Kind::bad_request, .text = "bad webhook"}, kEveryCall, "setWebhook");
  api.set_webhook_info({.url = ""});
  EXPECT_TRUE(has_problem("setting it again failed: bad webhook"));
  api.mend();
  EXPECT_TRUE(eventually([&] { return bot->problem().empty(); }));
}

TEST_F(ContactTest, AWebhookThatCannotBeLookedAtIsAProblem) {
  api.fail({.kind = telegram::Failure::Kind::unreachable, .text = "no route"}, kEveryCall, "getWebhookInfo");
  keep();
  EXPECT_TRUE(eventually([&] { return api.looks > 0; }));
  EXPECT_EQ(bot->problem(), "");
  steady_skipped = std::chrono::seconds(200);
  EXPECT_TRUE(has_problem("Telegram is not reachable"));
  api.mend();
  EXPECT_TRUE(eventually([&] { return bot->problem().empty(); }));
}

TEST(DeliveryErrors, NewOnesAreToldEveryOtherTime) {
  DeliveryErrors errors;
  telegram::WebhookInfo info{.url = kUrl, .pending = 2, .last_error_at = 7, .last_error = "Wrong response from the webhook: 404 Not Found"};
  EXPECT_EQ(errors.look(info), "") << "from before the start";
  EXPECT_EQ(errors.look(info), "");
  info.last_error_at = 8;
  EXPECT_THAT(errors.look(info), HasSubstr("404 Not Found"));
  info.last_error_at = 9;
  EXPECT_EQ(errors.look(info), "");
  info.last_error_at = 10;
  EXPECT_THAT(errors.look(info), HasSubstr("404 Not Found"));
  EXPECT_EQ(errors.look(info), "");
  info = {.url = kUrl, .pending = 0, .last_error_at = 11};
  EXPECT_EQ(errors.look(info), "") << "it was brought since";
}

}  // namespace
}  // namespace p2p::chat
