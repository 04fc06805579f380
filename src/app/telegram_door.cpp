#include "app/telegram_door.hpp"

#include <exception>
#include <functional>
#include <thread>

#include "base/pause.hpp"
#include "platform/db/database.hpp"
#include "services/chat/telegram/inbox.hpp"
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
                    .user_per_day = config.user_per_day,
                    .keep_days = config.keep_days,
                    .privacy_contact = config.privacy_contact},
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
  const Secret url = database_url(config);
  if (db::is_postgres(url)) {
    inbox_ = std::make_unique<chat::UpdateInbox>(url);
  } else {
    database_ = chat::open_store(url);
  }
  if (!config.webhook_url.empty()) {
    webhook_.emplace(config, process.http(), [this](const Json& update, const std::function<void()>& kept) { return take(update, kept); });
  }
}

bool TelegramDoor::take(const Json& update, const std::function<void()>& kept) {
  if (!inbox_) {
    const std::scoped_lock lock(mutex_);
    if (working_) working_->take(update, kept);
    return working_ != nullptr;
  }
  try {
    inbox_->add({update.at("update_id").get<std::int64_t>(), update.dump(-1, ' ', true, Json::error_handler_t::replace)});
  } catch (const Error& error) {
    log::warn("an update was not stored", {{"error", error.what()}});
    return false;
  }
  kept();
  return true;
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
  if (!inbox_) return work(bus, door, store);
  work_in_turns(bus, door, store);
}

void TelegramDoor::work_in_turns(bus::Bus& bus, Door& door, blob::BlobStore& store) {
  constexpr std::chrono::milliseconds kAgain{500};
  bool is_waiting = false;
  do {
    try {
      database_ = chat::open_store(database_url(config_));
      is_waiting = false;
      return work(bus, door, store);
    } catch (const db::InUse&) {
      if (!is_waiting) log::info("waiting: another process works with the database");
      is_waiting = true;
      set_working(nullptr, "");  // it receives updates, so it counts as ready
    } catch (const Error& error) {
      if (dynamic_cast<const UsageError*>(&error)) throw;
      log::warn("the database is not available; trying again", {{"error", error.what()}});
      set_working(nullptr, error.what());
    }
    database_.reset();
  } while (pause(kAgain, stop_));
}

void TelegramDoor::work(bus::Bus& bus, Door& door, blob::BlobStore& store) {
  bot_.emplace(*api_, bus, door.requests, door.dispatch, store, *database_, process_.metrics(),
               bot_config(config_, username_, model_, door.models));
  set_working(&*bot_, "");
  const std::shared_ptr<void> on_end(nullptr, [this](void*) {
    // Without a database of several processes the bot stays until the webhook's calls have ended.
    if (!inbox_) return;
    set_working(nullptr, "the bot starts again");
    bot_.reset();
  });
  log::info("working", {{"bot", "@" + username_}, {"model", model_}, {"version", P2P_VERSION}});
  std::exception_ptr failed;
  std::stop_source over;
  const std::stop_callback on_stop(stop_, [&] { over.request_stop(); });
  {
    const std::jthread receiving([&](const std::stop_token& ended) {
      const std::stop_callback on_end_of_bot(ended, [&] { over.request_stop(); });
      try {
        receive_updates(*bot_, over.get_token());
      } catch (const Error&) {
        failed = std::current_exception();
        process_.request_stop();
      }
    });
    bot_->run(stop_);
  }
  if (failed) std::rethrow_exception(failed);
}

void TelegramDoor::receive_updates(chat::Bot& bot, const std::stop_token& stop) {
  std::jthread inbox;
  if (inbox_) inbox = std::jthread([&] { chat::take_from_inbox(*inbox_, bot, stop); });
  if (webhook_) {
    if (insist<bool>("setWebhook", stop, [&] { return api_->set_webhook(config_.webhook_url, webhook_->secret()); }))
      chat::keep_webhook(*api_, bot, config_.webhook_url, webhook_->secret(), stop);
  } else if (insist<bool>("deleteWebhook", stop, [&] { return api_->delete_webhook(); })) {
    chat::poll_updates(*api_, bot, process_.metrics(), stop);
  }
}

void TelegramDoor::set_working(chat::Bot* bot, const std::string& problem) {
  const std::scoped_lock lock(mutex_);
  working_ = bot;
  problem_ = problem;
}

std::string TelegramDoor::problem() const {
  const std::scoped_lock lock(mutex_);
  return working_ ? working_->problem() : problem_;
}

}  // namespace p2p::app
