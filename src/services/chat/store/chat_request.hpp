#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "services/chat/texts/texts.hpp"
#include "services/requests/state.hpp"

namespace p2p::chat {

/// Who asked, and in which message.
struct Origin {
  std::int64_t user = 0;
  std::int64_t chat = 0;
  bool in_group = false;
  std::optional<std::int64_t> thread;  ///< of a forum
  std::int64_t message = 0;            ///< 0: it cannot be replied to
  Language language = Language::en;
};

/// What to draw.
struct Params {
  std::string model;
  std::string prompt;
  std::uint64_t seed = 0;
  std::vector<std::uint64_t> variations;  ///< as in messages::Request
  double upscale = 0;                     ///< 0: none
};

/// What became of a request, by the events.
struct Outcome {
  using Status = requests::RequestState::Status;

  Status status = Status::queued;
  bool cancelling = false;  ///< a cancel request was published
  std::string reason;       ///< failed; finished: why the picture is not shown
  std::string detail;       ///< failed
  Time ended;
  std::string image_key;
  int width = 0;   ///< px
  int height = 0;  ///< px
  std::uint64_t bytes = 0;
  double seconds = 0;  ///< of drawing
  std::map<std::string, std::string> used;
  std::vector<std::string> offers;  ///< messages::offer

  bool is_over() const { return status != Status::queued && status != Status::drawing; }
};

/// What the chat shows of a request.
struct Presentation {
  /// How the picture is shown; each form replaces the one before that Telegram refused. Text: words with a link; plain: words alone.
  enum class Form { photo, document, text, plain };

  std::int64_t message = 0;  ///< the status message; 0: not sent
  int messages_lost = 0;     ///< status messages that were deleted
  bool answered = false;     ///< the picture, or why there is none, was shown
  Form form = Form::photo;
  bool link_refused = false;       ///< Telegram accepts no button with it
  std::optional<Time> link_until;  ///< when the shown link expires; unset: none is shown
  std::int64_t original = 0;       ///< the message that becomes the original as a document; 0: not sent
  bool original_shown = false;     ///< or why it is not
  std::string original_refused;    ///< why it is not
  bool bell_rung = false;          ///< the message that notifies of a slow picture was sent
  bool settled = false;            ///< nothing more is to be shown
};

/// A request from a chat, as the store keeps it.
struct ChatRequest {
  std::string id;
  Origin origin;
  Params params;
  Time accepted;
  std::string traceparent;
  Outcome outcome;
  Presentation shown;

  /// Whether the worker offered it; the empty offer always is.
  bool has_offer(std::string_view word) const { return word.empty() || std::ranges::find(outcome.offers, word) != outcome.offers.end(); }
  /// Whether it ended and its chat is to be shown words.
  bool ends_in_words() const {
    return outcome.status == Outcome::Status::finished ? shown.form >= Presentation::Form::text : outcome.is_over();
  }
};

/// Reasons for which a finished picture is not shown; any other is in Telegram's words.
constexpr std::string_view kGone = "the picture is gone";
constexpr std::string_view kNoRights = "no rights";

}  // namespace p2p::chat
