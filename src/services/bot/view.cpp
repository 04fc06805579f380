#include "services/bot/view.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "platform/messages/messages.hpp"
#include "services/bot/callback.hpp"

namespace p2p::bot {
namespace {

std::string number(Language language, double value) {
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.1f", value);
  std::string text = buffer.data();
  if (language == Language::ru) std::ranges::replace(text, '.', ',');
  return text;
}

telegram::Button button(const RequestRow& row, Callback::Kind kind) {
  const ButtonKind& look = button_kind(kind);
  return {.text = std::string(look.sign) + say(row.language, look.label), .data = to_data(kind, row.id)};
}

}  // namespace

std::string status_text(const RequestRow& row, const StatusContext& context) {
  const Language language = row.language;
  if (row.status == RequestRow::Status::finished) return say(language, context.store_slow ? Text::storing_slow : Text::storing);
  if (row.cancelling) return say(language, Text::cancelling);
  if (context.queue_away) return say(language, Text::queue_away);
  if (context.workers_away) return say(language, Text::workers_away);
  if (row.status == RequestRow::Status::waiting) {
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

std::string ending_text(const RequestRow& row, const std::optional<std::string>& link) {
  namespace reason = messages::reason;
  if (row.status == RequestRow::Status::cancelled) return say(row.language, Text::cancelled);
  if (row.status == RequestRow::Status::finished) {
    if (row.reason == kGone) return say(row.language, Text::picture_gone);
    const std::string why = row.reason == kNoRights ? say(row.language, Text::no_rights) : say(row.language, Text::refused, {row.reason});
    return why + " " + (link ? say(row.language, Text::here_it_is, {*link}) : say(row.language, Text::press_again));
  }
  if (row.reason == reason::kCannotDo) return say(row.language, Text::cannot_do, {telegram::cut_to(row.detail, 1000)});
  constexpr std::array kReasonTexts{
      std::pair{reason::kNoWorker, Text::no_worker},    std::pair{reason::kKilledWorker, Text::killed_worker},
      std::pair{reason::kUnreadable, Text::unreadable}, std::pair{reason::kStoringFailed, Text::storing_failed},
      std::pair{reason::kWithheld, Text::withheld},     std::pair{reason::kTooLong, Text::drawing_too_long}};
  for (const auto& [word, text] : kReasonTexts) {
    if (row.reason == word) return say(row.language, text);
  }
  return say(row.language, Text::drawing_failed);
}

std::string original_text(const RequestRow& row) {
  if (row.original_refused == kGone) return say(row.language, Text::original_gone);
  return row.original_refused == kNoRights ? say(row.language, Text::original_no_rights)
                                           : say(row.language, Text::original_refused, {row.original_refused});
}

std::string caption(const RequestRow& row) {
  constexpr std::size_t kMost = 1024;
  std::string details = "seed " + std::to_string(row.seed);
  for (const std::uint64_t seed : row.variations) details += " → " + std::to_string(seed);
  details += " · " + row.model + " · " + std::to_string(row.width) + "×" + std::to_string(row.height);
  if (const auto steps = row.used.find("steps"); steps != row.used.end()) {
    int count = 0;
    std::from_chars(steps->second.data(), steps->second.data() + steps->second.size(), count);
    details += " · " + count_steps(row.language, count);
  }
  details += " · " + number(row.language, row.seconds) + (row.language == Language::ru ? " с" : " s");
  return telegram::cut_to(row.prompt, kMost - telegram::length_of(details) - 2) + "\n\n" + details;
}

telegram::Keyboard status_keyboard(const RequestRow& row) {
  if (row.cancelling || row.ended_somehow()) return {};
  return {{button(row, Callback::Kind::cancel)}};
}

telegram::Keyboard answer_keyboard(const RequestRow& row, const std::optional<std::string>& link, bool expired) {
  std::vector<telegram::Button> buttons;
  if (link) buttons.push_back({.text = "🔗 " + say(row.language, Text::button_original), .url = *link});
  if (expired) buttons.push_back(button(row, Callback::Kind::link));
  buttons.push_back(button(row, Callback::Kind::again));
  telegram::Keyboard keyboard{buttons};
  std::vector<telegram::Button> more;
  for (const auto kind : {Callback::Kind::variation, Callback::Kind::larger}) {
    if (row.has_offer(button_kind(kind).offer)) more.push_back(button(row, kind));
  }
  if (!more.empty()) keyboard.push_back(more);
  return keyboard;
}

}  // namespace p2p::bot
