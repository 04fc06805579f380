#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "services/bot/texts.hpp"

namespace p2p::bot {

/// A request as the bot keeps it: what was asked, where it is, and what its chat has been shown.
struct RequestRow {
  enum class Status { waiting, drawing, finished, failed, cancelled };
  /// How the picture is shown, each where the one before was refused. Text: words with a link; plain: without.
  enum class Form { photo, document, text, plain };

  std::string id;
  std::int64_t user = 0;
  std::int64_t chat = 0;
  bool in_group = false;
  std::optional<std::int64_t> thread;
  std::int64_t asked_in = 0;  ///< message id
  Language language = Language::en;
  std::string model;
  std::string prompt;
  std::uint64_t seed = 0;
  std::vector<std::uint64_t> variations;  ///< as in messages::Request
  double upscale = 0;                     ///< 0: none
  Time accepted;
  std::string traceparent;

  Status status = Status::waiting;
  bool cancelling = false;  ///< the user no longer wants it, and that was published
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

  std::int64_t message = 0;  ///< the status message; 0: not sent
  int messages_lost = 0;     ///< status messages that were deleted
  bool answered = false;     ///< the picture, or why there is none, was shown
  Form form = Form::photo;
  bool link_refused = false;  ///< Telegram takes no button with it
  bool has_link = false;      ///< it was shown with a link
  Time link_until;
  std::int64_t original = 0;     ///< the message that becomes the original as a document; 0: not sent
  bool original_shown = false;   ///< or why it is not
  std::string original_refused;  ///< why it is not
  bool bell_rung = false;
  bool settled = false;  ///< nothing more is to be shown

  /// Whether the worker offered it; the empty offer always is.
  bool has_offer(std::string_view word) const { return word.empty() || std::ranges::find(offers, word) != offers.end(); }
  /// Whether it ended and its chat is to be shown words.
  bool ends_in_words() const { return status == Status::finished ? form >= Form::text : ended_somehow(); }
  bool ended_somehow() const { return status == Status::finished || status == Status::failed || status == Status::cancelled; }
};

/// Reasons for which a finished picture is not shown; any other is in Telegram's words.
constexpr std::string_view kGone = "the picture is gone";
constexpr std::string_view kNoRights = "no rights";

Json to_json(const RequestRow& row);
/// Throws Json::exception for what to_json() never wrote.
RequestRow row_from(const Json& json);

}  // namespace p2p::bot
