#include <future>

#include "app/command_line.hpp"
#include "app/door.hpp"
#include "app/process_limits.hpp"
#include "app/service_process.hpp"
#include "app/webhook.hpp"
#include "base/pause.hpp"
#include "services/chat/telegram/polling.hpp"
#include "services/chat/telegram/webhook_keeper.hpp"
#include "services/chat/texts/texts.hpp"

namespace p2p::app {
namespace {

constexpr std::chrono::milliseconds kCallsAfterStop{15'000};

/// Repeats a call until it succeeds; returns nothing if a stop was requested. Throws UsageError for permanent errors.
template <typename T>
std::optional<T> insist(const char* what, const std::stop_token& stop, const std::function<telegram::Result<T>()>& call) {
  std::chrono::milliseconds wait(250);
  for (;;) {
    const auto result = call();
    if (result) return *result;
    const telegram::Failure& failure = result.error();
    using Kind = telegram::Failure::Kind;
    if (failure.kind == Kind::unauthorized)
      throw UsageError("Telegram does not know this token; set P2P_TELEGRAM_TOKEN to the one that @BotFather gives");
    if (failure.kind == Kind::bad_request) throw UsageError(std::string(what) + ": " + failure.text);
    log::warn("Telegram is not reachable; it is tried again", {{"call", what}, {"error", failure.text}});
    if (!pause(failure.kind == Kind::flood ? failure.retry_after : wait, stop)) return std::nullopt;
    wait = std::min(wait * 2, std::chrono::milliseconds(10'000));
  }
}

chat::BotConfig bot_config(const AppConfig& config, const std::string& username) {
  return {.rules = {.username = username,
                    .model = one_model(config, "the bot"),
                    .admins = config.admins,
                    .allow = config.allow,
                    .block = config.block,
                    .user_queue = config.user_queue,
                    .user_per_day = config.user_per_day},
          .link_ttl = config.link_ttl,
          .keep_days = config.keep_days};
}

}  // namespace

int run_bot(const Arguments& arguments) {
  CLI::App app("Runs the Telegram bot: sends requests to the workers and delivers the pictures.", "prompt2pic bot");
  app.footer("Example:\n  P2P_TELEGRAM_TOKEN_FILE=token P2P_KAFKA_BROKERS=localhost:9092 prompt2pic bot\n");
  const SettingFlags flags(app);
  if (!parse(app, arguments)) return 0;
  const AppConfig config = flags.load().config;
  const bus::KafkaConfig kafka = kafka_config(config, "prompt2pic-bot");
  if (config.telegram.token.empty())
    throw UsageError(
        "P2P_TELEGRAM_TOKEN is not set; it takes the token that @BotFather gives (P2P_TELEGRAM_TOKEN_FILE: a file that holds it)");
  const std::string model = one_model(config, "the bot");

  return_freed_memory();
  ServiceProcess process(config, kBotPorts);
  std::atomic<chat::Bot*> running = nullptr;
  std::optional<Webhook> webhook;
  if (!config.webhook_url.empty()) webhook.emplace(config, process.http(), running);
  const auto store = make_store(config);
  if (config.s3.bucket.empty()) serve_pictures(process.http(), *store, link_key(config));
  const std::stop_token stop = process.stop_token();

  const auto database = chat::open_store(database_url(config));
  std::unique_ptr<telegram::Api> api;
  std::unique_ptr<bus::Bus> bus;
  std::optional<Door> door;
  std::optional<chat::Bot> bot;
  ServiceProcess::Serving serving(process, "not connected to Telegram yet");
  // Calls that Telegram does not answer soon after a stop are repeated at the next start.
  std::atomic<std::int64_t> stopped_at = INT64_MAX;
  const std::stop_callback on_stop(stop, [&] { stopped_at = to_millis(now()); });
  api = telegram::bot_api(config.telegram, [&] { return to_millis(now()) - kCallsAfterStop.count() > stopped_at; });
  const auto me = insist<telegram::Api::Me>("getMe", stop, [&] { return api->get_me(); });
  if (!me) return 0;
  for (const auto& [code, language] : {std::pair{"", chat::Language::en}, std::pair{"ru", chat::Language::ru}}) {
    if (!insist<bool>("setMyCommands", stop, [&] { return api->set_my_commands(chat::commands(language), code); })) return 0;
  }
  bus = bus::kafka_bus(kafka);
  door.emplace(*bus, process.metrics(), config);
  bot.emplace(*api, *bus, door->requests, door->dispatch, *store, *database, process.metrics(), bot_config(config, me->username));
  running = &*bot;
  serving.ask([&] {
    const std::string problem = bot->problem();
    return problem.empty() ? door->problem() : problem;
  });
  log::info("working", {{"bot", "@" + me->username}, {"model", model}, {"version", P2P_VERSION}});

  std::exception_ptr failed;
  {
    std::jthread polling([&] {
      try {
        if (webhook) {
          if (insist<bool>("setWebhook", stop, [&] { return api->set_webhook(config.webhook_url, webhook->secret()); }))
            chat::keep_webhook(*api, *bot, config.webhook_url, webhook->secret(), stop);
        } else if (insist<bool>("deleteWebhook", stop, [&] { return api->delete_webhook(); })) {
          chat::poll_updates(*api, *bot, process.metrics(), stop);
        }
      } catch (const Error&) {
        failed = std::current_exception();
        process.request_stop();
      }
    });
    const std::jthread dispatching([&] { door->run(stop); });
    bot->run(stop);
  }
  if (failed) std::rethrow_exception(failed);
  log::info("stopped");
  return 0;
}

}  // namespace p2p::app
