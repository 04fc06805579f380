#pragma once

#include <optional>
#include <string>

#include "platform/telegram/api.hpp"
#include "services/bot/request_row.hpp"
#include "services/routing/router.hpp"

/// What a request's message shows; pure.
namespace p2p::bot {

/// What is known of a request beside its row.
struct Outlook {
  routing::Estimate estimate;
  double fraction = 0;        ///< of the drawing
  bool workers_away = false;  ///< nobody serves the model, and has not for a while
  bool queue_away = false;    ///< messages have not reached the queue for a while
  bool store_slow = false;    ///< the picture has been drawn for a while and is not shown
};

/// Of a request that has not been answered.
std::string status_text(const RequestRow& row, const Outlook& outlook);

/// Of one that ended without a picture.
std::string ending_text(const RequestRow& row);

/// The picture's: the words, cut to what Telegram takes, and how it was drawn.
std::string caption(const RequestRow& row);

telegram::Keyboard status_keyboard(const RequestRow& row);
/// `link`: where the original is; nothing: no button for it. `expired`: a button for a new link in its place.
telegram::Keyboard answer_keyboard(const RequestRow& row, const std::optional<std::string>& link, bool expired = false);

}  // namespace p2p::bot
