#pragma once

#include "platform/telegram/api.hpp"

namespace p2p::telegram {

/// Classifies an error response; `json` is its body, or null if that was not JSON.
Failure failure_of(int status, const Json& json);

/// The result in Telegram's response, or the failure. Safe for any bytes.
Result<Json> read_answer(int status, std::string_view body);

/// The updates in a response to getUpdates, each as from parse_update(); those without an update_id are skipped.
Result<std::vector<Json>> read_updates(int status, std::string_view body);

}  // namespace p2p::telegram
