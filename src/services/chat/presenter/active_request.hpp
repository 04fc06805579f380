#pragma once

#include <optional>
#include <string>

#include "services/chat/presenter/attempt.hpp"
#include "services/chat/store/chat_request.hpp"
#include "services/requests/state.hpp"

namespace p2p::chat {

/// A request that is not settled. What is not in `request` is lost by a crash, and found again.
struct ActiveRequest {
  ChatRequest request;
  requests::RequestState state;  ///< by the events
  std::optional<Time> drawn;     ///< since when only the store is waited for
  bool store_failed = false;     ///< at the last attempt to read the picture
  std::string shown;             ///< the status text in the chat; empty: not known
  Time shown_at;
  Attempt attempt;  ///< of the call about it
};

}  // namespace p2p::chat
