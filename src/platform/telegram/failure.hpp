#pragma once

#include "platform/telegram/api.hpp"

namespace p2p::telegram {

/// What an answer that is no success means; `json` is its body, or null where that was no JSON.
Failure failure_of(int status, const Json& json);

}  // namespace p2p::telegram
