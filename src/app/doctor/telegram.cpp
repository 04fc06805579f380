#include "app/doctor/checks.hpp"
#include "base/clock.hpp"

namespace p2p::app::doctor {

Finding check_telegram(const AppConfig& config) {
  if (config.telegram.token.empty()) return unset("P2P_TELEGRAM_TOKEN is not set; the bot needs it, API and worker do not");
  const auto me = telegram::bot_api(config.telegram)->get_me();
  if (me) return ok("the bot is @" + me->username);
  if (me.error().kind == telegram::Failure::Kind::unauthorized) {
    return failed("Telegram does not know this token; take the current one from @BotFather into P2P_TELEGRAM_TOKEN");
  }
  return failed(me.error().text + "; where Telegram is not reachable directly, set P2P_TELEGRAM_PROXY or P2P_TELEGRAM_API_URL");
}

Finding check_updates(const AppConfig& config) {
  if (config.telegram.token.empty()) return unset("P2P_TELEGRAM_TOKEN is not set");
  const auto info = telegram::bot_api(config.telegram)->get_webhook_info();
  if (!info) return failed(info.error().text);
  const std::string& wanted = config.webhook_url;
  if (info->url != wanted) {
    if (wanted.empty())
      return failed("Telegram brings updates to " + info->url +
                    ", so this bot cannot poll; stop what uses that webhook, or set P2P_TELEGRAM_WEBHOOK_URL");
    if (info->url.empty()) return failed("no webhook is set; a bot that runs with this P2P_TELEGRAM_WEBHOOK_URL sets it within a minute");
    return failed("Telegram brings updates to " + info->url + ", not to P2P_TELEGRAM_WEBHOOK_URL; another bot uses this token");
  }
  const std::string waiting = std::to_string(info->pending) + " updates wait";
  const auto age = std::chrono::duration_cast<std::chrono::minutes>(now() - Time(std::chrono::seconds(info->last_error_at)));
  if (!wanted.empty() && info->last_error_at > 0 && age < std::chrono::hours(1))
    return failed("Telegram could not bring an update " + std::to_string(age.count()) + " min ago: " + info->last_error + "; " + waiting);
  return ok((wanted.empty() ? "the bot polls; " : "Telegram brings updates to the webhook; ") + waiting);
}

}  // namespace p2p::app::doctor
