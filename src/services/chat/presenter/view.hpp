#pragma once

#include <optional>
#include <string>

#include "platform/telegram/api.hpp"
#include "services/chat/store/chat_request.hpp"
#include "services/dispatch/dispatcher.hpp"

/// The texts and buttons of a request's message. Pure functions.
namespace p2p::chat {

/// What a status text depends on besides the request.
struct StatusContext {
  dispatch::Estimate estimate;
  double fraction = 0;        ///< of the drawing
  bool workers_away = false;  ///< nobody serves the model, and has not for a while
  bool queue_away = false;    ///< messages have not reached the queue for a while
  bool store_slow = false;    ///< the picture has been drawn for a while and is not shown
};

/// Whether a link to the picture may be shown.
bool may_have_link(const ChatRequest& request);

/// Of a request that has not been answered.
std::string status_text(const ChatRequest& request, const StatusContext& context);

/// Of one that ended without a picture, or whose picture Telegram does not show: then with the link to it.
std::string ending_text(const ChatRequest& request, const std::optional<std::string>& link);

/// In place of the original as a file, which Telegram did not take.
std::string original_text(const ChatRequest& request);

/// The picture's: the words, cut to what Telegram takes, and how it was drawn.
std::string caption(const ChatRequest& request);

telegram::Keyboard status_keyboard(const ChatRequest& request);
/// `link`: where the original is; nothing: no button for it. `expired`: a button for a new link in its place.
telegram::Keyboard answer_keyboard(const ChatRequest& request, const std::optional<std::string>& link, bool expired = false);

}  // namespace p2p::chat
