#include "app/telegram_door.hpp"

#include <exception>
#include <functional>
#include <thread>

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

chat::BotConfig bot_config(const AppConfig& config, const std::string& username, const std::string& model,
                           const requests::ModelCatalog& catalog) {
  return {.rules = {.username = username,
                    .model = model,
                    .admins = config.admins,
                    .allow = config.allow,
                    .block = config.block,
                    .user_queue = config.user_queue,
                    .user_per_day = config.user_per_day},
          .link_ttl = config.link_ttl,
          .example = [&catalog, model](chat::Language language) -> std::string {
            const auto description = catalog.find(model);
            if (!description) return "";
            const auto found = description->examples.find(language == chat::Language::ru ? "ru" : "en");
            return found == description->examples.end() || found->second.empty() ? "" : found->second.front();
          }};
}

}  // namespace

TelegramDoor::TelegramDoor(ServiceProcess& process, const AppConfig& config, const std::string& model)
    : process_(process), config_(config), model_(model), stop_(process.stop_token()) {
  if (config.telegram.token.empty())
    throw UsageError(
        "P2P_TELEGRAM_TOKEN is not set; it takes the token that @BotFather gives (P2P_TELEGRAM_TOKEN_FILE: a file that holds it)");
  if (!config.webhook_url.empty()) webhook_.emplace(config, process.http(), running_);
  database_ = chat::open_store(database_url(config));
}

bool TelegramDoor::connect() {
  // Calls that Telegram does not answer soon after a stop are repeated at the next start.
  const std::stop_callback on_stop(stop_, [&] { stopped_at_ = to_millis(now()); });
  api_ = telegram::bot_api(config_.telegram, [&] { return to_millis(now()) - kCallsAfterStop.count() > stopped_at_; });
  const auto me = insist<telegram::Api::Me>("getMe", stop_, [&] { return api_->get_me(); });
  if (!me) return false;
  username_ = me->username;
  for (const auto& [code, language] : {std::pair{"", chat::Language::en}, std::pair{"ru", chat::Language::ru}}) {
    if (!insist<bool>("setMyCommands", stop_, [&] { return api_->set_my_commands(chat::commands(language), code); })) return false;
  }
  return true;
}

void TelegramDoor::run(bus::Bus& bus, Door& door, blob::BlobStore& store) {
  // However the bot ends, the other threads of the process must not wait for it.
  const auto stop_others =
      std::unique_ptr<ServiceProcess, void (*)(ServiceProcess*)>(&process_, [](auto* process) { process->request_stop(); });
  const std::stop_callback on_stop(stop_, [&] { stopped_at_ = to_millis(now()); });
  bot_.emplace(*api_, bus, door.requests, door.dispatch, store, *database_, process_.metrics(),
               bot_config(config_, username_, model_, door.models));
  running_ = &*bot_;
  log::info("working", {{"bot", "@" + username_}, {"model", model_}, {"version", P2P_VERSION}});
  std::exception_ptr failed;
  {
    const std::jthread receiving([&] {
      try {
        receive_updates(*bot_);
      } catch (const Error&) {
        failed = std::current_exception();
        process_.request_stop();
      }
    });
    bot_->run(stop_);
  }
  if (failed) std::rethrow_exception(failed);
}

void TelegramDoor::receive_updates(chat::Bot& bot) {
  if (webhook_) {
    if (insist<bool>("setWebhook", stop_, [&] { return api_->set_webhook(config_.webhook_url, webhook_->secret()); }))
      chat::keep_webhook(*api_, bot, config_.webhook_url, webhook_->secret(), stop_);
  } else if (insist<bool>("deleteWebhook", stop_, [&] { return api_->delete_webhook(); })) {
    chat::poll_updates(*api_, bot, process_.metrics(), stop_);
  }
}

std::string TelegramDoor::problem() const {
  const chat::Bot* const bot = running_;
  return bot ? bot->problem() : "not connected to Telegram yet";
}

}  // namespace p2p::app
