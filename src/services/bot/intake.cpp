#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "base/random_id.hpp"
#include "services/bot/callback.hpp"
#include "services/bot/core.hpp"
#include "services/bot/request_of.hpp"

namespace p2p::bot {
namespace {

constexpr double kLarger = 2;  // times the sides

std::string day_of(Time time) { return to_text(time).substr(0, 10); }

/// Until the next day (UTC) begins.
std::string until_tomorrow(Language language, Time time) {
  const auto day = std::chrono::ceil<std::chrono::days>(time);
  return duration(language, std::chrono::ceil<std::chrono::milliseconds>(day - time));
}

bool means_all(std::string_view word) {
  constexpr std::array<std::string_view, 7> kWords{"все", "всё", "Все", "Всё", "ВСЕ", "ВСЁ", "all"};
  return std::ranges::find(kWords, to_lower(word)) != kWords.end();
}

/// Short enough to be typed.
std::uint64_t new_seed() { return random_bits() >> 32u; }

}  // namespace

bool Bot::Core::take_update(const telegram::Update& update) try {
  const auto count = [&](const char* kind) { metrics_.counter("prompt2pic_updates_total", "Updates by kind.", {{"kind", kind}}).add(); };
  bool known = false;
  insist(&Core::peek, [&] { known = state_.has_update(update.update_id); });
  if (known || noted_.contains(update.update_id)) {
    count("repeated");
    return true;
  }
  if (update.callback_query) {
    count("callback_query");
    take_callback(*update.callback_query);
  } else if (update.message) {
    count("message");
    take_message(*update.message);
  } else {
    count("other");
  }
  // Last: what reads first may give up, and leaves nothing behind then.
  noted_.insert(update.update_id);
  write([this, id = update.update_id] { state_.note_update(id); });
  return true;
} catch (const Cancelled&) {
  return false;
}

Time Bot::Core::next_accepted() {
  constexpr std::chrono::seconds kAtMost{1};  // ahead of the clock, unless that was set back
  const Time at = now();
  const bool is_close = last_accepted_ >= at && last_accepted_ - at < kAtMost;
  return last_accepted_ = is_close ? last_accepted_ + std::chrono::milliseconds(1) : at;
}

int Bot::Core::waiting_of(std::int64_t user) const {
  int waiting = requests_.waiting_of(owner_of(user));
  for (const auto& [id, live] : active_) {
    if (live.row.user != user || live.row.status != Status::waiting) continue;
    const auto known = requests_.find(id);
    if (!known && !live.row.cancelling) ++waiting;                                                           // it is on its way
    if (known && known->status == requests::RequestState::Status::queued && live.row.cancelling) --waiting;  // its end is on its way
  }
  return waiting;
}

bool Bot::Core::may_draw(std::int64_t user) const {
  if (is_admin(user)) return true;
  return !config_.block.contains(user) && (config_.allow.empty() || config_.allow.contains(user));
}

bool Bot::Core::is_own_name(std::string_view username) const {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  return std::ranges::equal(username, config_.username, same);
}

void Bot::Core::take_message(const telegram::Message& message) {
  const auto& chat = message.chat;
  if (!message.from || message.from->is_bot || chat.type == telegram::Chat::Type::channel) return;
  const bool in_private = chat.type == telegram::Chat::Type::private_chat;
  const Language language = language_of(message.from->language_code);
  const auto answer = [&](const std::string& text) { reply(chat, message.thread_id, message.message_id, text); };
  const std::string album = message.album.empty() ? "" : std::to_string(chat.id) + ":" + message.album;
  if (message.text.empty()) {
    if (in_private && message.has_content && (album.empty() || albums_.emplace(album, now()).second))
      answer(say(language, Text::only_text));
    return;
  }
  const bool replies_to_bot = is_own_name(message.replied_username);
  Command command = parse_command(message.text, config_.username, in_private || replies_to_bot);
  if (command.kind == Command::Kind::none) return;
  if (!album.empty() && !albums_.emplace(album + ":words", now()).second) return;  // each picture of an album may have the same words
  if (!album.empty()) albums_.emplace(album, now());
  if (command.kind == Command::Kind::txt2img && command.argument.empty() && !replies_to_bot)
    command.argument = parse_command(message.replied_text, config_.username, true).argument;
  switch (command.kind) {
    case Command::Kind::none:
      return;
    case Command::Kind::start:
      return answer(say(language, Text::start));
    case Command::Kind::help:
      return answer(say(language, Text::help));
    case Command::Kind::unknown:
      return answer(say(language, Text::unknown_command));
    case Command::Kind::queue:
      return tell_queue(message, language);
    case Command::Kind::cancel:
      return cancel_some(message, means_all(command.argument), language);
    case Command::Kind::txt2img:
      if (command.argument.empty()) return answer(say(language, Text::usage));
      return ask(*message.from, chat, message.thread_id, message.message_id,
                 {.model = config_.model, .prompt = command.argument, .seed = new_seed()});
  }
}

void Bot::Core::ask(const telegram::User& user, const telegram::Chat& chat, std::optional<std::int64_t> thread, std::int64_t message_id,
                    const RequestRow& wish) {
  const Language language = language_of(user.language_code);
  const std::string day = day_of(now());
  const auto refuse = [&](const char* why, const std::string& text) {
    metrics_.counter("prompt2pic_requests_refused_total", "Requests that were not accepted.", {{"reason", why}}).add();
    reply(chat, thread, message_id, text);
  };
  if (!may_draw(user.id)) return refuse("not_allowed", say(language, Text::not_allowed));
  if (wish.prompt.size() > messages::kMaxPrompt) {  // longer than what Telegram carries today
    return refuse("too_long", say(language, Text::too_long, {std::to_string(wish.prompt.size()), std::to_string(messages::kMaxPrompt)}));
  }
  if (!is_admin(user.id)) {
    if (waiting_of(user.id) >= config_.user_queue)
      return refuse("queue_full", say(language, Text::queue_full, {count_requests(language, config_.user_queue)}));
    if (config_.user_per_day) {
      int today = 0;
      insist(&Core::read, [&] { today = state_.day_count(user.id, day); });
      if (today >= *config_.user_per_day)
        return refuse("day_full",
                      say(language, Text::day_full, {count_requests(language, *config_.user_per_day), until_tomorrow(language, now())}));
    }
  }

  RequestRow row{.id = new_id(),
                 .user = user.id,
                 .chat = chat.id,
                 .in_group = chat.is_group(),
                 .thread = thread,
                 .asked_in = message_id,
                 .language = language,
                 .model = wish.model,
                 .prompt = telegram::cut_to(wish.prompt, messages::kMaxPrompt),
                 .seed = wish.seed,
                 .variations = wish.variations,
                 .upscale = wish.upscale,
                 .accepted = next_accepted(),
                 .traceparent = messages::new_traceparent()};
  std::erase(row.prompt, '\0');  // which no message may hold
  log::info("accepted", {{"id", row.id}, {"user", row.user}, {"model", row.model}});
  log::debug("asked", {{"id", row.id}, {"prompt", row.prompt}});
  metrics_.counter("prompt2pic_requests_accepted_total", "Requests that were accepted.", {{"model", row.model}}).add();
  save(row);
  write([this, id = user.id, day] { state_.count_day(id, day); });
  send_accepted(row);
  mark_dirty(row.id);
  const std::string id = row.id;
  active_[id] = active_of(std::move(row));
}

void Bot::Core::cancel(ActiveRequest& live) {
  RequestRow& row = live.row;
  if (row.ended_somehow() || row.cancelling) return;
  log::info("cancelling", {{"id", row.id}});
  row.cancelling = true;
  save(row);
  send_cancel(row);
  mark_dirty(row.id);
}

void Bot::Core::cancel_some(const telegram::Message& message, bool all, Language language) {
  std::vector<ActiveRequest*> mine;
  for (auto& [id, live] : active_) {
    if (live.row.user == message.from->id && !live.row.ended_somehow() && !live.row.cancelling) mine.push_back(&live);
  }
  if (mine.empty()) return reply(message.chat, message.thread_id, message.message_id, say(language, Text::nothing_to_cancel));
  std::ranges::sort(mine, std::greater<>{}, [](const ActiveRequest* live) { return live->row.accepted; });
  if (!all) mine.erase(mine.begin() + 1, mine.end());
  // The status messages themselves say what became of each; a reply is for those who cannot see them from here.
  if (all)
    reply(message.chat, message.thread_id, message.message_id,
          say(language, Text::cancelling_all, {count_requests(language, static_cast<int>(mine.size()))}));
  for (ActiveRequest* const live : mine) cancel(*live);
}

void Bot::Core::tell_queue(const telegram::Message& message, Language language) {
  constexpr std::size_t kMostLines = 10;
  int all = 0;
  std::vector<const ActiveRequest*> mine;
  for (const auto& [id, live] : active_) {
    if (live.row.ended_somehow()) continue;
    ++all;
    if (live.row.user == message.from->id) mine.push_back(&live);
  }
  std::ranges::sort(mine, {}, [](const ActiveRequest* live) { return live->row.accepted; });
  std::string text;
  for (std::size_t i = 0; i < std::min(mine.size(), kMostLines); ++i) {
    RequestRow row = mine[i]->row;
    row.language = language;
    text += std::to_string(i + 1) + ". " + telegram::cut_to(row.prompt, 60) + " — " + status_text(row, status_context(*mine[i])) + "\n";
  }
  if (mine.size() > kMostLines) text += "…\n";
  if (all == 0)
    text = say(language, Text::queue_empty);
  else if (mine.empty())
    text = say(language, Text::queue_others, {count_requests(language, all)});
  else
    text = say(language, Text::queue_mine, {text, count_requests(language, all)});
  reply(message.chat, message.thread_id, message.message_id, text);
}

void Bot::Core::take_callback(const telegram::CallbackQuery& query) {
  const Language language = language_of(query.from.language_code);
  const auto [kind, id] = parse_callback(query.data);
  const auto refuse = [&](Text why) { answer_query(query.id, say(language, why), true); };

  std::optional<RequestRow> row;
  const auto live = active_.find(id);
  if (live != active_.end()) {
    row = live->second.row;
  } else if (kind != Callback::Kind::none) {
    insist(&Core::read, [&] { row = state_.find(id); });
  }
  // The message must be the request's own: a button cannot be carried into another chat.
  if (!row || (query.chat && query.chat->id != row->chat)) return refuse(Text::out_of_date);
  // What was asked in a chat's name is anyone's: a press does not tell who may speak for it.
  if (query.from.id != row->user && row->user > 0 && !(kind == Callback::Kind::cancel && is_admin(query.from.id)))
    return refuse(Text::not_yours);

  if (const ButtonKind& button = button_kind(kind); button.draws) {
    if (!row->has_offer(button.offer)) return refuse(Text::out_of_date);
    answer_query(query.id, say(language, button.accepted), false);
    if (pressed_.emplace(std::to_string(query.from.id) + query.data, now()).second) draw_again(query.from, *row, kind);
  } else if (kind == Callback::Kind::cancel) {
    if (live == active_.end() || row->ended_somehow()) return refuse(Text::out_of_date);
    answer_query(query.id, say(language, button.accepted), false);
    cancel(live->second);
  } else if (row->status == Status::finished && row->answered) {
    renew_link(*row, query.message_id, query.id);
  } else {
    refuse(Text::out_of_date);
  }
}

void Bot::Core::draw_again(const telegram::User& user, const RequestRow& row, Callback::Kind kind) {
  telegram::User person = user;
  if (person.language_code.empty()) person.language_code = row.language == Language::ru ? "ru" : "en";
  const telegram::Chat chat{row.chat, row.in_group ? telegram::Chat::Type::supergroup : telegram::Chat::Type::private_chat};
  RequestRow wish{.model = row.model, .prompt = row.prompt, .seed = new_seed()};
  if (kind != Callback::Kind::again) {
    wish.variations = row.variations;
    wish.seed = row.seed;
  }
  if (kind == Callback::Kind::variation) wish.variations.push_back(new_seed());
  if (kind == Callback::Kind::larger) wish.upscale = kLarger;
  ask(person, chat, row.thread, row.message, wish);
}

void Bot::Core::answer_query(const std::string& query_id, const std::string& text, bool alert) {
  quick_calls_->run([this, query_id, text, alert] {
    const auto result = api_.answer_callback_query(query_id, text, alert);
    if (!result) log::debug("a button press was not answered", {{"error", result.error().text}});
  });
}

void Bot::Core::reply(const telegram::Chat& chat, std::optional<std::int64_t> thread, std::int64_t to, const std::string& text) {
  const Reply reply{next_number_++, chat.id, chat.is_group(), thread, to, text};
  write([this, reply] { state_.add(reply); });
  replies_[reply.number].reply = reply;
}

}  // namespace p2p::bot
