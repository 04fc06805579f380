#pragma once

#include <chrono>
#include <future>
#include <memory>

#include "base/json.hpp"

namespace p2p::testing {

/// Passes an update to the bot and waits until it is stored; false after a minute.
template <typename Bot>
bool is_kept(Bot& bot, const Json& update) {
  const auto kept = std::make_shared<std::promise<void>>();
  const auto waiting = kept->get_future();
  bot.take(update, [kept] { kept->set_value(); });
  return waiting.wait_for(std::chrono::minutes(1)) == std::future_status::ready;
}

}  // namespace p2p::testing
