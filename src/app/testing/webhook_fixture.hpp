#pragma once

#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "app/webhook.hpp"
#include "base/log.hpp"
#include "base/testing/temp_folder.hpp"
#include "services/chat/bot.hpp"
#include "services/dispatch/testing/running_dispatch.hpp"
#include "services/testing/fake_api.hpp"
#include "services/testing/memory_bus.hpp"
#include "services/testing/memory_store.hpp"
#include "services/testing/mutator.hpp"

namespace p2p::app {

inline const std::string kUpdate =
    R"({"update_id":1,"message":{"message_id":1,"date":1,"text":"/start","chat":{"id":5,"type":"private"},"from":{"id":5,"is_bot":false}}})";

/// Gives updates to the bot once there is one.
inline Webhook::Take given_to(const std::atomic<chat::Bot*>& bot) {
  return [&bot](const Json& update, const std::function<void()>& kept) {
    chat::Bot* const working = bot;
    if (working) working->take(update, kept);
    return working != nullptr;
  };
}

/// A bot with test doubles that receives updates such as kUpdate through a webhook on a free loopback port.
class WebhookFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    log::configure(log::Level::error, log::Format::text);
    config.webhook_url = "https://bot.example.org/hook/x";
    config.webhook_secret = Secret("right");
    webhook.emplace(config, server, given_to(bot));
    server.start();
    database = chat::open_store(Secret("sqlite:///" + (folder.path() / "bot.db").string()));
    queue = std::make_unique<dispatch::RunningDispatch>(bus, metrics);
    running_bot = std::make_unique<chat::Bot>(api, bus, queue->client, queue->dispatch, store, *database, metrics,
                                              chat::BotConfig{.rules = {.username = "FoxBot", .model = "flat"}});
    thread = std::jthread([this](const std::stop_token& stop) { running_bot->run(stop); });
    bot = running_bot.get();
  }
  void TearDown() override {
    thread = {};
    running_bot.reset();
    queue.reset();
    database.reset();
    log::configure(log::Level::info, log::Format::text);
  }
  int post(std::string_view body, const std::string& secret = "right", const std::string& path = "/hook/x") {
    http::HttpRequest request{.method = "POST", .url = Secret("http://127.0.0.1:" + std::to_string(server.port()) + path), .body = body};
    request.headers = {{"X-Telegram-Bot-Api-Secret-Token", secret}};
    return client.send(request).status;
  }
  double counted(const std::string& name) { return p2p::testing::sum_of(metrics.text(), name); }

  TempFolder folder;
  AppConfig config;
  http::Server server{{.listen = "127.0.0.1:0"}};
  http::Client client{{}};
  std::atomic<chat::Bot*> bot = nullptr;
  std::optional<Webhook> webhook;
  p2p::testing::FakeApi api;
  p2p::testing::MemoryBus bus;
  p2p::testing::MemoryStore store;
  Metrics metrics;
  std::unique_ptr<chat::ChatStore> database;
  std::unique_ptr<dispatch::RunningDispatch> queue;
  std::unique_ptr<chat::Bot> running_bot;
  std::jthread thread;
};

}  // namespace p2p::app
