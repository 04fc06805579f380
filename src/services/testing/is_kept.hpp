#pragma once

#include <chrono>
#include <future>
#include <memory>

#include "base/json.hpp"

namespace p2p::testing {

/// Gives a bot an update and waits; false if it is not kept within a minute.
template <typename Bot>
bool is_kept(Bot& bot, const Json& update) {
  const auto kept = std::make_shared<std::promise<void>>();
  const auto waiting = kept->get_future();
  bot.take(update, [kept] { kept->set_value(); });
  return waiting.wait_for(std::chrono::minutes(1)) == std::future_status::ready;
}

}  // namespace p2p::testing
