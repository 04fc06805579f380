#pragma once

#include <stop_token>

#include "services/chat/bot.hpp"

namespace p2p::chat {

/// Asks Telegram for updates and gives each to the bot, until `stop`. An update is confirmed to Telegram after the bot has kept it. Throws
/// UsageError for a wrong token.
void poll_updates(telegram::Api& api, Bot& bot, Metrics& metrics, const std::stop_token& stop);

}  // namespace p2p::chat
