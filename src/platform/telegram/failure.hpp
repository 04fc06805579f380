#pragma once

#include "platform/telegram/api.hpp"

namespace p2p::telegram {

/// What an answer that is no success means; `json` is its body, or null where that was no JSON.
Failure failure_of(int status, const Json& json);

/// The result in Telegram's answer, or what its being none means. Safe for any bytes.
Result<Json> read_answer(int status, std::string_view body);

/// The updates in the answer to getUpdates, each as parse_update() gives it; those without an update_id are left out.
Result<std::vector<Json>> read_updates(int status, std::string_view body);

}  // namespace p2p::telegram
