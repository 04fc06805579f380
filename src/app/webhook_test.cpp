#include "app/webhook.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <thread>

#include "base/log.hpp"
#include "services/testing/fake_api.hpp"
#include "services/testing/memory_bus.hpp"
#include "services/testing/memory_store.hpp"
#include "services/testing/mutator.hpp"

namespace p2p::app {
namespace {

class WebhookTest : public ::testing::Test {
 protected:
  void SetUp() override {
    log::configure(log::Level::error, log::Format::text);
    std::filesystem::remove_all(folder);
    config.webhook_url = "https://bot.example.org/hook/x";
    config.webhook_secret = Secret("right");
    webhook.emplace(config, server, bot);
    server.start();
    state = bot::open_state(Secret("sqlite:///" + (folder / "bot.db").string()));
    running_bot = std::make_unique<bot::Bot>(api, bus, store, *state, metrics, bot::BotConfig{.username = "FoxBot", .model = "flat"});
    thread = std::jthread([this](const std::stop_token& stop) { running_bot->run(stop); });
    bot = running_bot.get();
  }
  void TearDown() override {
    thread = {};
    running_bot.reset();
    state.reset();
    std::filesystem::remove_all(folder);
    log::configure(log::Level::info, log::Format::text);
  }
  int post(std::string_view body, const std::string& secret = "right", const std::string& path = "/hook/x") {
    http::HttpRequest request{.method = "POST", .url = Secret("http://127.0.0.1:" + std::to_string(server.port()) + path), .body = body};
    request.headers = {{"X-Telegram-Bot-Api-Secret-Token", secret}};
    return client.send(request).status;
  }
  double counted(const std::string& name) { return p2p::testing::sum_of(metrics.text(), name); }

  std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / ("webhook-" + std::to_string(getpid()));
  AppConfig config;
  http::Server server{{.listen = "127.0.0.1:0"}};
  http::Client client{{}};
  std::atomic<bot::Bot*> bot = nullptr;
  std::optional<Webhook> webhook;
  p2p::testing::FakeApi api;
  p2p::testing::MemoryBus bus;
  p2p::testing::MemoryStore store;
  Metrics metrics;
  std::unique_ptr<bot::State> state;
  std::unique_ptr<bot::Bot> running_bot;
  std::jthread thread;
};

const std::string kUpdate =
    R"({"update_id":1,"message":{"message_id":1,"date":1,"text":"/start","chat":{"id":5,"type":"private"},"from":{"id":5,"is_bot":false}}})";

TEST_F(WebhookTest, OnlyTheSecretOpensIt) {
  for (const char* secret : {"", "wrong", "righ", "right2", "Right", "right right"}) EXPECT_EQ(post(kUpdate, secret), 401) << secret;
  EXPECT_EQ(counted("prompt2pic_updates_total"), 0);
  EXPECT_EQ(post(kUpdate), 200);
  EXPECT_EQ(counted("prompt2pic_updates_total"), 1);
}

TEST_F(WebhookTest, WithoutASettingTheSecretComesFromTheToken) {
  std::set<std::string> secrets;
  for (const char* token : {"1:a", "1:b"}) {
    http::Server other({.listen = "127.0.0.1:0"});
    config.webhook_secret = Secret();
    config.telegram.token = Secret(token);
    const Webhook derived(config, other, bot);
    const std::string& secret = derived.secret().expose();
    EXPECT_EQ(secret.size(), 64u);
    EXPECT_EQ(secret.find(token), std::string::npos);
    secrets.insert(secret);
  }
  EXPECT_EQ(secrets.size(), 2u);
}

TEST_F(WebhookTest, WhatIsNoUpdateIsRefusedOrCounted) {
  for (const std::string& body :
       std::vector<std::string>{"", "{", "not JSON", "\xff", std::string(1000, '['), R"({"a":1,"a":2})", std::string("{}\0", 3)})
    EXPECT_EQ(post(body), 400) << body.substr(0, 20);
  for (const char* body : {"{}", "[]", "null", "7", R"({"update_id":"1"})", R"({"update_id":1.5})"}) EXPECT_EQ(post(body), 200) << body;
  EXPECT_EQ(counted("prompt2pic_updates_dropped_total"), 6);
  EXPECT_EQ(post(std::string((1u << 20) + 1, ' ')), 413);
  EXPECT_EQ(post(kUpdate, "right", "/hook/y"), 404);
  EXPECT_EQ(post(kUpdate), 200);
}

TEST_F(WebhookTest, BeforeTheBotIsThereTelegramIsToRepeat) {
  bot = nullptr;
  EXPECT_EQ(post(kUpdate), 503);
}

TEST_F(WebhookTest, MutatedBodiesAndSecretsAreRefusedOrCounted) {
  constexpr int kCount = 3000;
  p2p::testing::Mutator mutator(1);
  std::map<int, int> answers;
  for (int i = 0; i < kCount; ++i) {
    Json update = Json::parse(kUpdate);
    update["update_id"] = i;
    update["message"]["from"]["is_bot"] = true;  // so that nothing is to be answered
    std::string secret = mutator.below(4) == 0 ? mutator.bytes("right") : "right";
    std::erase_if(secret, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
    ++answers[post(mutator.any(update), secret)];
  }
  EXPECT_EQ(answers[200] + answers[400] + answers[401], kCount);
  for (const int status : {200, 400, 401}) EXPECT_GT(answers[status], 300) << status;
  EXPECT_EQ(counted("prompt2pic_updates_total") + counted("prompt2pic_updates_dropped_total"), answers[200]);
  std::cout << kCount << " mutated calls of the webhook: " << answers[200] << " taken or dropped and counted, " << answers[400]
            << " no JSON (400), " << answers[401] << " without the secret (401)\n";
  EXPECT_EQ(post(kUpdate.substr(0, 13) + "9999" + kUpdate.substr(14)), 200);
}

}  // namespace
}  // namespace p2p::app
