#include "services/bot/view.hpp"

#include <array>
#include <cstdio>

#include "platform/messages/messages.hpp"
#include "services/bot/callback.hpp"

namespace p2p::bot {
namespace {

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

telegram::Button button(const RequestRow& row, Callback::Kind kind) {
  const ButtonKind& look = button_kind(kind);
  return {.text = std::string(look.sign) + say(row.language, look.label), .data = to_data(kind, row.id)};
}

}  // namespace

std::string status_text(const RequestRow& row, const Outlook& outlook) {
  const Language language = row.language;
  if (row.status == RequestRow::Status::finished) return say(language, outlook.store_slow ? Text::storing_slow : Text::storing);
  if (row.cancelling) return say(language, Text::cancelling);
  if (outlook.queue_away) return say(language, Text::queue_away);
  if (outlook.workers_away) return say(language, Text::workers_away);
  if (row.status == RequestRow::Status::waiting) {
    if (outlook.estimate.position == 0) return say(language, Text::accepted);
    const std::string position = std::to_string(outlook.estimate.position);
    if (!outlook.estimate.until_done) return say(language, Text::waiting, {position});
    return say(language, Text::waiting_eta, {position, duration(language, *outlook.estimate.until_done)});
  }
  if (outlook.fraction >= 1) return say(language, outlook.store_slow ? Text::storing_slow : Text::storing);
  if (!row.started) return say(language, Text::starting);
  const std::string percent = std::to_string(static_cast<int>(outlook.fraction * 100));
  if (!outlook.estimate.until_done) return say(language, Text::drawing, {bar(outlook.fraction), percent});
  return say(language, Text::drawing_eta, {bar(outlook.fraction), percent, duration(language, *outlook.estimate.until_done)});
}

std::string ending_text(const RequestRow& row) {
  namespace reason = messages::reason;
  if (row.status == RequestRow::Status::cancelled) return say(row.language, Text::cancelled);
  if (row.status == RequestRow::Status::finished) return say(row.language, Text::picture_gone);
  if (row.reason == reason::kCannotDo) return say(row.language, Text::cannot_do, {telegram::cut_to(row.detail, 1000)});
  constexpr std::array kTexts{std::pair{reason::kNoWorker, Text::no_worker}, std::pair{reason::kKilledWorker, Text::killed_worker},
                              std::pair{reason::kUnreadable, Text::unreadable}, std::pair{reason::kStoringFailed, Text::storing_failed},
                              std::pair{reason::kWithheld, Text::withheld}};
  for (const auto& [word, text] : kTexts) {
    if (row.reason == word) return say(row.language, text);
  }
  return say(row.language, Text::drawing_failed);
}

std::string caption(const RequestRow& row) {
  constexpr std::size_t kMost = 1024;
  const bool ru = row.language == Language::ru;
  std::string details = "seed " + std::to_string(row.seed);
  for (const std::uint64_t seed : row.variations) details += " → " + std::to_string(seed);
  details += " · " + row.model + " · " + std::to_string(row.width) + "×" + std::to_string(row.height);
  if (const auto steps = row.used.find("steps"); steps != row.used.end()) details += " · " + steps->second + (ru ? " шагов" : " steps");
  details += " · " + number(row.seconds) + (ru ? " с" : " s");
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
