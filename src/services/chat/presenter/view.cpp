#include "services/chat/presenter/view.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "platform/messages/messages.hpp"
#include "services/chat/presenter/buttons.hpp"

namespace p2p::chat {
namespace {

std::string number(Language language, double value) {
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.1f", value);
  std::string text = buffer.data();
  if (language == Language::ru) std::ranges::replace(text, '.', ',');
  return text;
}

telegram::Button button(const ChatRequest& request, Callback::Kind kind) {
  const ButtonKind& look = button_kind(kind);
  return {.text = std::string(look.sign) + say(request.origin.language, look.label), .data = to_data(kind, request.id)};
}

}  // namespace

bool may_have_link(const ChatRequest& request) {
  return request.outcome.status == Outcome::Status::finished && !request.shown.link_refused &&
         request.shown.form != Presentation::Form::plain && request.outcome.reason != kGone;
}

std::string status_text(const ChatRequest& request, const StatusContext& context) {
  const Language language = request.origin.language;
  if (request.outcome.status == Outcome::Status::finished) return say(language, context.store_slow ? Text::storing_slow : Text::storing);
  if (request.outcome.cancelling) return say(language, Text::cancelling);
  if (context.queue_away) return say(language, Text::queue_away);
  if (context.workers_away) return say(language, Text::workers_away);
  if (request.outcome.status == Outcome::Status::queued) {
    if (context.estimate.with_worker) return say(language, Text::starting);
    if (context.estimate.position == 0) return say(language, Text::accepted);
    const std::string position = std::to_string(context.estimate.position);
    if (!context.estimate.until_done) return say(language, Text::waiting, {position});
    return say(language, Text::waiting_eta, {position, duration(language, *context.estimate.until_done)});
  }
  if (context.fraction >= 1) return say(language, context.store_slow ? Text::storing_slow : Text::storing);
  const std::string percent = std::to_string(static_cast<int>(context.fraction * 100));
  if (!context.estimate.until_done) return say(language, Text::drawing, {bar(context.fraction), percent});
  return say(language, Text::drawing_eta, {bar(context.fraction), percent, duration(language, *context.estimate.until_done)});
}

std::string ending_text(const ChatRequest& request, const std::optional<std::string>& link) {
  namespace reason = messages::reason;
  if (request.outcome.status == Outcome::Status::cancelled) return say(request.origin.language, Text::cancelled);
  if (request.outcome.status == Outcome::Status::finished) {
    if (request.outcome.reason == kGone) return say(request.origin.language, Text::picture_gone);
    const std::string why = request.outcome.reason == kNoRights ? say(request.origin.language, Text::no_rights)
                                                                : say(request.origin.language, Text::refused, {request.outcome.reason});
    return why + " " + (link ? say(request.origin.language, Text::here_it_is, {*link}) : say(request.origin.language, Text::press_again));
  }
  if (request.outcome.reason == reason::kCannotDo)
    return say(request.origin.language, Text::cannot_do, {telegram::cut_to(request.outcome.detail, 1000)});
  constexpr std::array kReasonTexts{
      std::pair{reason::kNoWorker, Text::no_worker},        std::pair{reason::kKilledWorker, Text::killed_worker},
      std::pair{reason::kUnreadable, Text::unreadable},     std::pair{reason::kStoringFailed, Text::storing_failed},
      std::pair{reason::kWithheld, Text::withheld},         std::pair{reason::kTooLong, Text::drawing_too_long},
      std::pair{reason::kInputMissing, Text::input_missing}};
  for (const auto& [word, text] : kReasonTexts) {
    if (request.outcome.reason == word) return say(request.origin.language, text);
  }
  return say(request.origin.language, Text::drawing_failed);
}

std::string original_text(const ChatRequest& request) {
  if (request.shown.original_refused == kGone) return say(request.origin.language, Text::original_gone);
  return request.shown.original_refused == kNoRights
             ? say(request.origin.language, Text::original_no_rights)
             : say(request.origin.language, Text::original_refused, {request.shown.original_refused});
}

std::string caption(const ChatRequest& request) {
  constexpr std::size_t kMost = 1024;
  std::string details = "seed " + std::to_string(request.params.seed);
  for (const std::uint64_t seed : request.params.variations) details += " → " + std::to_string(seed);
  details += " · " + request.params.model + " · " + std::to_string(request.outcome.width) + "×" + std::to_string(request.outcome.height);
  if (const auto steps = request.outcome.used.find("steps"); steps != request.outcome.used.end()) {
    int count = 0;
    std::from_chars(steps->second.data(), steps->second.data() + steps->second.size(), count);
    details += " · " + count_steps(request.origin.language, count);
  }
  details += " · " + number(request.origin.language, request.outcome.seconds) + (request.origin.language == Language::ru ? " с" : " s");
  return telegram::cut_to(request.params.prompt, kMost - telegram::length_of(details) - 2) + "\n\n" + details;
}

telegram::Keyboard status_keyboard(const ChatRequest& request) {
  if (request.outcome.cancelling || request.outcome.is_over()) return {};
  return {{button(request, Callback::Kind::cancel)}};
}

telegram::Keyboard answer_keyboard(const ChatRequest& request, const std::optional<std::string>& link, bool expired) {
  std::vector<telegram::Button> buttons;
  if (link) buttons.push_back({.text = "🔗 " + say(request.origin.language, Text::button_original), .url = *link});
  if (expired) buttons.push_back(button(request, Callback::Kind::link));
  buttons.push_back(button(request, Callback::Kind::again));
  telegram::Keyboard keyboard{buttons};
  std::vector<telegram::Button> more;
  for (const auto kind : {Callback::Kind::variation, Callback::Kind::larger}) {
    if (request.has_offer(button_kind(kind).offer)) more.push_back(button(request, kind));
  }
  if (!more.empty()) keyboard.push_back(more);
  return keyboard;
}

}  // namespace p2p::chat
