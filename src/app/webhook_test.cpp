#include <gmock/gmock.h>

#include "app/testing/webhook_fixture.hpp"

namespace p2p::app {
namespace {

using WebhookTest = WebhookFixture;

const Webhook::Take refuse = [](const Json&, const std::function<void()>&) { return false; };

TEST_F(WebhookTest, RefusesOtherSecrets) {
  for (const char* secret : {"", "wrong", "righ", "right2", "Right", "right right"}) EXPECT_EQ(post(kUpdate, secret), 401) << secret;
  EXPECT_EQ(counted("prompt2pic_updates_total"), 0);
  EXPECT_EQ(post(kUpdate), 200);
  EXPECT_EQ(counted("prompt2pic_updates_total"), 1);
}

TEST_F(WebhookTest, DerivesSecretFromTokenByDefault) {
  std::set<std::string> secrets;
  for (const char* token : {"1:a", "1:b"}) {
    http::Server other({.listen = "127.0.0.1:0"});
    config.webhook_secret = Secret();
    config.telegram.token = Secret(token);
    const Webhook derived(config, other, refuse);
    const std::string& secret = derived.secret().expose();
    EXPECT_EQ(secret.size(), 64u);
    EXPECT_EQ(secret.find(token), std::string::npos);
    secrets.insert(secret);
  }
  EXPECT_EQ(secrets.size(), 2u);
}

TEST_F(WebhookTest, RefusesOrCountsInvalidUpdates) {
  for (const std::string& body :
       std::vector<std::string>{"", "{", "not JSON", "\xff", std::string(1000, '['), R"({"a":1,"a":2})", std::string("{}\0", 3)})
    EXPECT_EQ(post(body), 400) << body.substr(0, 20);
  for (const char* body : {"{}", "[]", "null", "7", R"({"update_id":"1"})", R"({"update_id":1.5})"}) EXPECT_EQ(post(body), 200) << body;
  EXPECT_EQ(counted("prompt2pic_updates_dropped_total"), 6);
  EXPECT_EQ(post(R"({"update_id":2,"x":)" + std::string(99, '[') + std::string(99, ']') + "}"), 200) << "it would be brought again";
  EXPECT_EQ(post(std::string((1u << 20) + 1, ' ')), 413);
  EXPECT_EQ(post(kUpdate, "right", "/hook/y"), 404);
  EXPECT_EQ(post(kUpdate), 200);
}

TEST_F(WebhookTest, ServesPathOfUrl) {
  const std::vector<std::pair<std::string, std::string>> urls{{"https://e.org/hook?key=1/2#x", "/hook?key=1/2"},
                                                              {"https://e.org/my%20hook", "/my%20hook"},
                                                              {"https://e.org/%D0%B6/", "/%D0%B6/"},
                                                              {"https://e.org:8443/a/b", "/a/b"}};
  for (const auto& [url, path] : urls) {
    http::Server other({.listen = "127.0.0.1:0"});
    config.webhook_url = url;
    const Webhook hook(config, other, refuse);
    other.start();
    const std::string address = "http://127.0.0.1:" + std::to_string(other.port()) + path;
    EXPECT_EQ(client.send({.method = "POST", .url = Secret(address), .body = kUpdate}).status, 401) << "404 where no route is: " << url;
  }
  for (const char* url : {"https://e.org", "https://e.org?a=/b"}) {
    config.webhook_url = url;
    EXPECT_THROW(Webhook(config, server, refuse), UsageError) << url;
  }
}

TEST_F(WebhookTest, Answers503BeforeBotStarts) {
  bot = nullptr;
  EXPECT_EQ(post(kUpdate), 503);
}

}  // namespace
}  // namespace p2p::app
