#include <gmock/gmock.h>

#include <mutex>

#include "platform/http/server.hpp"
#include "platform/telegram/api.hpp"

namespace p2p::telegram {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A server that records requests and gives scripted answers. tests/service checks that the calls are valid for Telegram.
class BotApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server.route("POST", "/bot1:secret/", [this](const http::ServerRequest& request) {
      const std::scoped_lock lock(mutex);
      asked = request;
      return answer;
    });
    server.start();
    api = bot_api({.url = "http://127.0.0.1:" + std::to_string(server.port()), .token = Secret("1:secret")});
  }
  void answers(int status, const std::string& body) { answer = {.status = status, .body = body}; }
  Json body() const { return Json::parse(asked.body); }

  std::mutex mutex;
  http::ServerRequest asked;
  http::ServerResponse answer;
  http::Server server{{.listen = "127.0.0.1:0"}};
  std::unique_ptr<Api> api;
};

TEST_F(BotApiTest, SendsPlainText) {
  answers(200, R"({"ok":true,"result":{"message_id":77}})");
  const auto id = api->send_message({.chat_id = -5, .thread_id = 3, .message_id = 9}, "<b>*x*",
                                    {{{"again", "again:1", ""}, {"link", "", "https://e.org/x"}}});
  EXPECT_EQ(id.value(), 77);
  EXPECT_EQ(asked.path, "/bot1:secret/sendMessage");
  EXPECT_EQ(body()["text"], "<b>*x*");
  EXPECT_FALSE(body().contains("parse_mode"));
  EXPECT_EQ(body()["reply_parameters"], Json({{"message_id", 9}, {"allow_sending_without_reply", true}}));
  EXPECT_EQ(body()["message_thread_id"], 3);
  EXPECT_EQ(body()["reply_markup"]["inline_keyboard"][0][0], Json({{"text", "again"}, {"callback_data", "again:1"}}));
  EXPECT_EQ(body()["reply_markup"]["inline_keyboard"][0][1], Json({{"text", "link"}, {"url", "https://e.org/x"}}));
}

TEST_F(BotApiTest, ReadsWebhookInfo) {
  answers(200, R"({"ok":true,"result":{"url":"https://e.org/x","pending_update_count":3,"last_error_date":1700000000,
                   "last_error_message":"Wrong response from the webhook: 404 Not Found"}})");
  const auto info = api->get_webhook_info();
  ASSERT_TRUE(info);
  EXPECT_EQ(asked.path, "/bot1:secret/getWebhookInfo");
  EXPECT_EQ(info->url, "https://e.org/x");
  EXPECT_EQ(info->pending, 3);
  EXPECT_EQ(info->last_error_at, 1700000000);
  EXPECT_THAT(info->last_error, HasSubstr("404"));
  answers(200, R"({"ok":true,"result":{"url":""}})");
  EXPECT_EQ(api->get_webhook_info()->url, "");
  answers(200, R"({"ok":true,"result":{}})");
  EXPECT_FALSE(api->get_webhook_info());
}

TEST_F(BotApiTest, AttachesPictures) {
  answers(200, R"({"ok":true,"result":true})");
  const std::string bytes("\x89PNG\0x", 6);
  EXPECT_TRUE(api->edit_message_media(5, 6, {.bytes = bytes, .file_name = "x.png", .content_type = "image/png", .caption = "лиса"}, {}));
  EXPECT_EQ(asked.path, "/bot1:secret/editMessageMedia");
  EXPECT_THAT(std::string(asked.header("content-type")), HasSubstr("multipart/form-data"));
}

TEST_F(BotApiTest, SkipsInvalidUpdates) {
  answers(200, R"({"ok":true,"result":[{"update_id":1},5,{"no":1},{"update_id":2}]})");
  const auto updates = api->get_updates(1, std::chrono::seconds(0), {});
  ASSERT_TRUE(updates);
  EXPECT_EQ(updates->size(), 2u);
  EXPECT_EQ(body()["allowed_updates"], Json({"message", "callback_query"}));
}

TEST_F(BotApiTest, KeepsIdOfTooDeeplyNestedUpdate) {
  answers(200, R"({"ok":true,"result":[{"update_id":1,"x":)" + std::string(99, '[') + std::string(99, ']') + R"(},{"update_id":2}]})");
  const auto updates = api->get_updates(1, std::chrono::seconds(0), {});
  ASSERT_TRUE(updates);
  EXPECT_EQ(updates->size(), 2u);
}

TEST_F(BotApiTest, UnexpectedAnswersAreRetryable) {
  for (const auto& [status, text] : std::vector<std::pair<int, std::string>>{{502, "<html>Bad Gateway</html>"},
                                                                             {200, "{"},
                                                                             {200, "null"},
                                                                             {200, R"({"ok":true})"},
                                                                             {200, R"({"ok":true,"result":{"message_id":"x"}})"},
                                                                             {200, std::string(100'000, '[')}}) {
    answers(status, text);
    const auto id = api->send_message({.chat_id = 5}, "x", {});
    ASSERT_FALSE(id) << text.substr(0, 50);
    EXPECT_EQ(id.error().kind, Failure::Kind::unreachable);
  }
}

TEST_F(BotApiTest, ErrorsHideToken) {
  answers(400, R"({"ok":false,"error_code":400,"description":"bad path /bot1:secret/sendMessage"})");
  EXPECT_THAT(api->send_message({.chat_id = 5}, "x", {}).error().text, Not(HasSubstr("secret")));
  const auto nobody = bot_api({.url = "http://127.0.0.1:1", .token = Secret("1:secret")});
  const auto failed = nobody->get_me();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, Failure::Kind::unreachable);
  EXPECT_THAT(failed.error().text, Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace p2p::telegram
