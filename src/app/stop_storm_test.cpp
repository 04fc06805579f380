// Bot, worker and API in one process, under HTTP load from several threads, are stopped at a random moment, many times. For the thread
// sanitizer; also shows that every stop completes.

#include <gmock/gmock.h>

#include <latch>
#include <random>

#include "app/testing/webhook_fixture.hpp"
#include "services/api/routes.hpp"
#include "services/worker/image_generators.hpp"
#include "services/worker/worker.hpp"

namespace p2p::app {
namespace {

constexpr int kRounds = 200;
constexpr int kCallers = 4;
constexpr int kMostCalls = 60;  // per round, before the stop

/// The whole service with test doubles, created and destroyed in the same order as by the commands.
class Everything {
 public:
  Everything() {
    config.webhook_url = "https://bot.example.org/hook";
    config.webhook_secret = Secret("right");
    bus.ensure_topics(
        {{"prompt2pic.requests.flat", 4}, {std::string(messages::kEventsTopic), 4}, {std::string(messages::kControlTopic), 1}});
    database = chat::open_store(Secret("sqlite:///" + (folder.path() / "bot.db").string()));
    requests.emplace(bus, metrics, requests::ClientConfig{});
    dispatch.emplace(bus, metrics, *requests, dispatch::DispatchConfig{.watch_every = std::chrono::milliseconds(5)});
    bot.emplace(telegram, bus, *requests, *dispatch, store, *database, metrics,
                chat::BotConfig{.rules = {.username = "FoxBot", .model = "flat"}});
    running = &*bot;
    worker.emplace(
        bus, store, metrics,
        worker::WorkerConfig{.name = "worker", .generators = {{"flat", worker::flat_generator(std::chrono::milliseconds(1), "test")}}});
    webhook.emplace(config, server, given_to(running));
    routes.emplace(server, *requests, *dispatch, catalog, clients, store, metrics,
                   api::RoutesConfig{.body = {.model = "flat"}, .waiting = {.wait = std::chrono::seconds(1)}});
    server.start();
    threads.emplace_back([this](const std::stop_token& stop) { worker->run(stop); });
    threads.emplace_back([this](const std::stop_token& stop) { bot->run(stop); });
    threads.emplace_back([this](const std::stop_token& stop) { requests->run(stop); });
    threads.emplace_back([this](const std::stop_token& stop) { dispatch->run(stop); });
    threads.emplace_back([this](const std::stop_token& stop) { catalog.run(stop); });
  }
  ~Everything() {
    server.stop();
    threads.clear();
  }
  Everything(const Everything&) = delete;
  Everything& operator=(const Everything&) = delete;

  TempFolder folder;
  AppConfig config;
  p2p::testing::FakeApi telegram;
  p2p::testing::MemoryBus bus;
  p2p::testing::MemoryStore store;
  Metrics metrics;
  requests::ModelCatalog catalog{bus};
  api::Clients clients{Secret()};
  std::unique_ptr<chat::ChatStore> database;
  std::optional<requests::Client> requests;
  std::optional<dispatch::Dispatch> dispatch;
  std::optional<chat::Bot> bot;
  std::optional<worker::Worker> worker;
  std::atomic<chat::Bot*> running = nullptr;
  http::Server server{{.listen = "127.0.0.1:0"}};
  std::optional<Webhook> webhook;
  std::optional<api::Routes> routes;
  std::vector<std::jthread> threads;
};

/// Calls all routes until the server has stopped.
class Caller {
 public:
  Caller(int port, int number, std::atomic<int>& calls)
      : base_("http://127.0.0.1:" + std::to_string(port)), numbers_(static_cast<unsigned>(number)), calls_(calls) {}

  void call_all() {
    std::string id = "none";
    try {
      for (;;) {
        const auto drawn =
            send("POST", "/v1/images/generations", R"({"prompt":"a fox"})", {{"Prefer", numbers_() % 2 ? "wait=1" : "respond-async"}});
        const Json json = Json::parse(drawn.body, nullptr, false);
        if (json.is_object() && json.contains("id")) id = json["id"].get<std::string>();
        send("GET", "/v1/requests/" + id + (numbers_() % 2 ? "/events" : ""));
        if (numbers_() % 3 == 0) send("DELETE", "/v1/requests/" + id);
        send("POST", "/hook", update(), {{"X-Telegram-Bot-Api-Secret-Token", "right"}});
      }
    } catch (const http::HttpError&) {  // the server has stopped
    }
  }

 private:
  http::HttpResponse send(const std::string& method, const std::string& path, const std::string& body = "", http::HeaderList headers = {}) {
    headers.emplace_back("Content-Type", "application/json");
    auto response = client_.send({.method = method, .url = Secret(base_ + path), .headers = std::move(headers), .body = body});
    ++calls_;
    calls_.notify_all();
    return response;
  }
  std::string update() {
    const std::string number = std::to_string(1 + numbers_() % 1'000'000);
    return R"({"update_id":)" + number + R"(,"message":{"message_id":1,"date":1,"text":"a fox","chat":{"id":)" + number +
           R"(,"type":"private"},"from":{"id":)" + number + R"(,"is_bot":false}}})";
  }

  const std::string base_;
  std::mt19937 numbers_;
  std::atomic<int>& calls_;
  http::Client client_{{}};
};

TEST(StopStorm, EveryStopCompletes) {
  log::configure(log::Level::error, log::Format::text);
  std::mt19937 numbers(7);
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<int> calls = 0;
    std::vector<std::jthread> callers;
    const auto start = std::chrono::steady_clock::now();
    {
      Everything everything;
      for (int i = 0; i < kCallers; ++i)
        callers.emplace_back(
            [&, number = round * kCallers + i, port = everything.server.port()] { Caller(port, number, calls).call_all(); });
      const int enough = static_cast<int>(numbers() % kMostCalls);
      for (int made = calls; made < enough; made = calls) calls.wait(made);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60)) << "round " << round;
  }
  log::configure(log::Level::info, log::Format::text);
}

}  // namespace
}  // namespace p2p::app
