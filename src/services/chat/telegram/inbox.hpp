#pragma once

#include <stop_token>

#include "services/chat/bot.hpp"
#include "services/chat/store/update_inbox.hpp"

namespace p2p::chat {

/// Gives each update in the inbox to the bot and removes it once the bot has kept it, until `stop`.
void take_from_inbox(UpdateInbox& inbox, Bot& bot, const std::stop_token& stop);

}  // namespace p2p::chat
