#include "services/chat/conversation/conversation.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "base/text.hpp"
#include "platform/messages/messages.hpp"
#include "services/chat/conversation/command.hpp"

namespace p2p::chat {
namespace {

constexpr double kLarger = 2;  // times the sides

std::string day_of(Time time) { return to_text(time).substr(0, 10); }

/// Until the next day (UTC) begins.
std::string until_tomorrow(Language language, Time time) {
  const auto day = std::chrono::ceil<std::chrono::days>(time);
  return duration(language, std::chrono::ceil<std::chrono::milliseconds>(day - time));
}

/// to_lower() knows ASCII alone, so Russian words stand here in the cases that people write.
constexpr std::array<std::string_view, 7> kAll{"все", "всё", "Все", "Всё", "ВСЕ", "ВСЁ", "all"};
constexpr std::array<std::string_view, 4> kYes{"yes", "да", "Да", "ДА"};

bool is_one_of(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, to_lower(word)) != words.end();
}

Origin origin_of(const telegram::Message& message) {
  return {.user = message.from->id,
          .chat = message.chat.id,
          .in_group = message.chat.is_group(),
          .thread = message.thread_id,
          .message = message.message_id,
          .language = language_of(message.from->language_code)};
}

Reply reply_to(const Origin& origin, std::string text) {
  return {.chat = origin.chat, .in_group = origin.in_group, .thread = origin.thread, .reply_to = origin.message, .text = std::move(text)};
}

}  // namespace

std::vector<Action> Conversation::take(const telegram::Update& update, Time now) {
  if (update.callback_query) return on_press(*update.callback_query, now);
  if (update.message) return on_message(*update.message, now);
  return {};
}

void Conversation::tidy(Time now) {
  std::erase_if(albums_, [&](const auto& item) { return now - item.second > std::chrono::minutes(1); });
  std::erase_if(pressed_, [&](const auto& item) { return now - item.second > std::chrono::seconds(2); });
}

std::vector<Action> Conversation::on_message(const telegram::Message& message, Time now) {
  const telegram::Chat& chat = message.chat;
  if (!message.from || message.from->is_bot || chat.type == telegram::Chat::Type::channel) return {};
  const bool in_private = chat.type == telegram::Chat::Type::private_chat;
  const Origin origin = origin_of(message);
  const auto answer = [&](std::string text) { return Actions{SendReply{reply_to(origin, std::move(text))}}; };
  if (message.text.empty()) {
    if (!in_private || !message.has_content || is_repeated(message, now)) return {};
    return answer(say(origin.language, Text::only_text));
  }
  const bool replies_to_bot = is_own_name(message.replied_username);
  Command command = parse_command(message.text, rules_.username, in_private || replies_to_bot);
  if (command.kind == Command::Kind::none || is_repeated(message, now)) return {};
  if (command.kind == Command::Kind::txt2img && command.argument.empty() && !replies_to_bot)
    command.argument = parse_command(message.replied_text, rules_.username, true).argument;
  switch (command.kind) {
    case Command::Kind::none:
      break;
    case Command::Kind::start:
      return answer(say(origin.language, Text::start, {example(origin.language)}));
    case Command::Kind::help:
      return answer(say(origin.language, Text::help));
    case Command::Kind::unknown:
      return answer(say(origin.language, Text::unknown_command));
    case Command::Kind::queue:
      return answer(queue_text(origin.user, origin.language));
    case Command::Kind::privacy:
      return answer(privacy_text(origin.language));
    case Command::Kind::forget:
      return forget(origin, command.argument);
    case Command::Kind::cancel:
      return cancel(origin, is_one_of(kAll, command.argument));
    case Command::Kind::txt2img:
      if (command.argument.empty()) return answer(say(origin.language, Text::usage, {example(origin.language)}));
      return {ask(origin, {.model = rules_.model, .prompt = command.argument, .seed = new_seed()}, now)};
  }
  return {};
}

bool Conversation::is_repeated(const telegram::Message& message, Time now) {
  if (message.album.empty()) return false;
  const std::string album = std::to_string(message.chat.id) + ":" + message.album;
  if (message.text.empty()) return !albums_.emplace(album, now).second;
  albums_.emplace(album, now);  // its pictures without words are not answered any more
  return !albums_.emplace(album + ":words", now).second;
}

Action Conversation::ask(const Origin& origin, const Params& params, Time now) {
  const Language language = origin.language;
  const std::string day = day_of(now);
  const auto refuse = [&](const char* reason, std::string text) { return Refuse{reason, reply_to(origin, std::move(text))}; };
  if (!may_draw(origin.user)) return refuse("not_allowed", say(language, Text::not_allowed));
  if (params.prompt.size() > messages::kMaxPrompt)  // longer than what Telegram carries today
    return refuse("too_long", say(language, Text::too_long, {std::to_string(params.prompt.size()), std::to_string(messages::kMaxPrompt)}));
  if (!rules_.admins.contains(origin.user)) {
    if (lookup_.waiting_of(origin.user) >= rules_.user_queue)
      return refuse("queue_full", say(language, Text::queue_full, {count_requests(language, rules_.user_queue)}));
    if (rules_.user_per_day && lookup_.day_count(origin.user, day) >= *rules_.user_per_day)
      return refuse("day_full",
                    say(language, Text::day_full, {count_requests(language, *rules_.user_per_day), until_tomorrow(language, now)}));
  }
  Submit submit{.origin = origin, .params = params, .day = day};
  submit.params.prompt = telegram::cut_to(params.prompt, messages::kMaxPrompt);
  std::erase(submit.params.prompt, '\0');  // which no message may hold
  return submit;
}

std::vector<Action> Conversation::cancel(const Origin& origin, bool all) {
  std::vector<Lookup::Listed> mine = lookup_.requests_of(origin.user);
  std::erase_if(mine, [](const Lookup::Listed& listed) { return listed.request.outcome.cancelling; });
  if (mine.empty()) return {SendReply{reply_to(origin, say(origin.language, Text::nothing_to_cancel))}};
  if (!all) return {Cancel{mine.back().request.id}};
  // The status messages themselves say what became of each; a reply is for those who cannot see them from here.
  const std::string count = count_requests(origin.language, static_cast<int>(mine.size()));
  Actions actions{SendReply{reply_to(origin, say(origin.language, Text::cancelling_all, {count}))}};
  for (const Lookup::Listed& listed : mine) actions.emplace_back(Cancel{listed.request.id});
  return actions;
}

std::string Conversation::privacy_text(Language language) const {
  const std::string pictures = rules_.keep_days ? say(language, Text::privacy_days, {count_days(language, *rules_.keep_days)})
                                                : say(language, Text::privacy_forever);
  const std::string contact = rules_.privacy_contact.empty() ? "" : say(language, Text::privacy_contact, {rules_.privacy_contact});
  return say(language, Text::privacy, {pictures, contact});
}

std::vector<Action> Conversation::forget(const Origin& origin, std::string_view word) {
  const auto answer = [&](std::string text) { return SendReply{reply_to(origin, std::move(text))}; };
  if (!is_one_of(kYes, word)) return {answer(say(origin.language, Text::forget_asked))};
  Actions actions;
  const auto unfinished = lookup_.requests_of(origin.user);
  for (const Lookup::Listed& listed : unfinished) {
    if (!listed.request.outcome.cancelling) actions.emplace_back(Cancel{listed.request.id});
  }
  actions.emplace_back(Forget{origin.user});
  const std::string count = count_requests(origin.language, lookup_.kept_of(origin.user));
  actions.emplace_back(answer(say(origin.language, unfinished.empty() ? Text::forgotten : Text::forgotten_in_part, {count})));
  return actions;
}

std::string Conversation::queue_text(std::int64_t user, Language language) {
  constexpr std::size_t kMostLines = 10;
  const int all = lookup_.queue_length();
  if (all == 0) return say(language, Text::queue_empty);
  std::vector<Lookup::Listed> mine = lookup_.requests_of(user);
  if (mine.empty()) return say(language, Text::queue_others, {count_requests(language, all)});
  std::string lines;
  for (std::size_t i = 0; i < std::min(mine.size(), kMostLines); ++i) {
    auto& [request, context] = mine[i];
    request.origin.language = language;
    lines += std::to_string(i + 1) + ". " + telegram::cut_to(request.params.prompt, 60) + " — " + status_text(request, context) + "\n";
  }
  if (mine.size() > kMostLines) lines += "…\n";
  return say(language, Text::queue_mine, {lines, count_requests(language, all)});
}

std::vector<Action> Conversation::on_press(const telegram::CallbackQuery& query, Time now) {
  const Language language = language_of(query.from.language_code);
  const auto [kind, id] = parse_callback(query.data);
  const auto answer = [&](Text text, bool alert) { return AnswerQuery{query.id, say(language, text), alert}; };
  const auto refuse = [&](Text why) { return Actions{answer(why, true)}; };

  const auto request = kind == Callback::Kind::none ? std::nullopt : lookup_.find(id);
  // The message must be the request's own: a button cannot be carried into another chat.
  if (!request || (query.chat && query.chat->id != request->origin.chat)) return refuse(Text::out_of_date);
  // Anyone may press the buttons of a request that was made in a chat's name: a press does not say who may speak for the chat.
  const std::int64_t owner = request->origin.user;
  const bool may_cancel = kind == Callback::Kind::cancel && rules_.admins.contains(query.from.id);
  if (query.from.id != owner && owner > 0 && !may_cancel) return refuse(Text::not_yours);

  const ButtonKind& button = button_kind(kind);
  if (button.draws) {
    if (!request->has_offer(button.offer)) return refuse(Text::out_of_date);
    Actions actions{answer(button.accepted, false)};
    const std::string press = std::to_string(query.from.id) + query.data;
    if (pressed_.contains(press)) return actions;
    actions.push_back(draw_again(query.from, *request, kind, now));
    pressed_.emplace(press, now);
    return actions;
  }
  if (kind == Callback::Kind::cancel) {
    if (request->outcome.is_over()) return refuse(Text::out_of_date);
    return {answer(button.accepted, false), Cancel{id}};
  }
  if (!request->shown.answered || !lookup_.has_link(*request)) return refuse(Text::out_of_date);
  return {AnswerQuery{query.id, "", false}, RenewLink{*request, query.message_id}};
}

Action Conversation::draw_again(const telegram::User& user, const ChatRequest& request, Callback::Kind kind, Time now) {
  Origin origin = request.origin;
  origin.user = user.id;
  origin.message = request.shown.message;
  if (!user.language_code.empty()) origin.language = language_of(user.language_code);
  Params params{.model = request.params.model, .prompt = request.params.prompt, .seed = new_seed()};
  if (kind != Callback::Kind::again) {
    params.seed = request.params.seed;
    params.variations = request.params.variations;
  }
  if (kind == Callback::Kind::variation) params.variations.push_back(new_seed());
  if (kind == Callback::Kind::larger) params.upscale = kLarger;
  return ask(origin, params, now);
}

std::string Conversation::example(Language language) {
  const std::string known = lookup_.example(language);
  return known.empty() ? say(language, Text::example) : known;
}

bool Conversation::may_draw(std::int64_t user) const {
  if (rules_.admins.contains(user)) return true;
  return !rules_.block.contains(user) && (rules_.allow.empty() || rules_.allow.contains(user));
}

bool Conversation::is_own_name(std::string_view username) const { return to_lower(username) == to_lower(rules_.username); }

}  // namespace p2p::chat
