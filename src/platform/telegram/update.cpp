#include <algorithm>
#include <array>

#include "platform/telegram/api.hpp"

namespace p2p::telegram {
namespace {

const Json* member(const Json& json, const char* key) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(key);
  return found == json.end() ? nullptr : &*found;
}

std::optional<std::int64_t> integer(const Json& json, const char* key) {
  const Json* const value = member(json, key);
  if (!value || !value->is_number_integer() || (value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX))
    return std::nullopt;
  return value->get<std::int64_t>();
}

/// Removes zero bytes, which messages for workers and for Telegram must not contain.
std::optional<std::string> text(const Json& json, const char* key) {
  const Json* const value = member(json, key);
  if (!value || !value->is_string()) return std::nullopt;
  auto text = value->get<std::string>();
  std::erase(text, '\0');
  return text;
}

std::optional<User> read_user(const Json* json) {
  if (!json) return std::nullopt;
  const auto id = integer(*json, "id");
  if (!id) return std::nullopt;
  const Json* const is_bot = member(*json, "is_bot");
  return User{*id, is_bot && is_bot->is_boolean() && is_bot->get<bool>(), text(*json, "language_code").value_or("")};
}

std::optional<Chat> read_chat(const Json* json) {
  if (!json) return std::nullopt;
  constexpr std::array kTypes{
      std::pair{std::string_view("private"), Chat::Type::private_chat}, std::pair{std::string_view("group"), Chat::Type::group},
      std::pair{std::string_view("supergroup"), Chat::Type::supergroup}, std::pair{std::string_view("channel"), Chat::Type::channel}};
  const auto id = integer(*json, "id");
  const auto type = text(*json, "type");
  if (!id || !type) return std::nullopt;
  for (const auto& [name, value] : kTypes) {
    if (name == *type) return Chat{*id, value};
  }
  return std::nullopt;
}

/// Members of user messages. Messages without any of them are service messages.
bool has_content(const Json& json) {
  constexpr std::array kKinds{"text",    "caption", "photo",     "animation",  "audio",   "document", "paid_media",
                              "sticker", "story",   "video",     "video_note", "voice",   "contact",  "dice",
                              "game",    "poll",    "checklist", "venue",      "location"};
  return std::ranges::any_of(kKinds, [&](const char* kind) { return member(json, kind) != nullptr; });
}

std::string text_or_caption(const Json& json) { return text(json, "text").value_or(text(json, "caption").value_or("")); }

/// The author of a message. For anonymous administrators and authors who write as a channel, Telegram gives a bot of its own in `from`.
std::optional<User> read_sender(const Json& json) {
  auto from = read_user(member(json, "from"));
  const auto chat = read_chat(member(json, "sender_chat"));
  if (!chat) return from;
  return User{chat->id, false, from ? from->language_code : ""};
}

std::optional<Message> read_message(const Json& json) {
  const auto id = integer(json, "message_id");
  const auto chat = read_chat(member(json, "chat"));
  if (!id || !chat) return std::nullopt;
  const Json* const topic = member(json, "is_topic_message");
  const bool in_topic = topic && topic->is_boolean() && topic->get<bool>();
  Message message{.message_id = *id,
                  .chat = *chat,
                  .from = read_sender(json),
                  .thread_id = in_topic ? integer(json, "message_thread_id") : std::nullopt,
                  .date = integer(json, "date").value_or(0),
                  .text = text_or_caption(json),
                  .has_content = has_content(json),
                  .album = text(json, "media_group_id").value_or("")};
  // In a forum topic every message that is not a reply replies to the message that opened the topic, which has no content.
  if (const Json* const replied = member(json, "reply_to_message"); replied && has_content(*replied)) {
    const Json* const quote = member(json, "quote");
    message.replied_text = quote ? text(*quote, "text").value_or("") : text_or_caption(*replied);
    if (const Json* const from = member(*replied, "from")) message.replied_username = text(*from, "username").value_or("");
  }
  return message;
}

std::optional<CallbackQuery> read_callback(const Json& json) {
  const auto id = text(json, "id");
  const auto from = read_user(member(json, "from"));
  if (!id || !from) return std::nullopt;
  CallbackQuery query{*id, *from, std::nullopt, 0, text(json, "data").value_or("")};
  if (const Json* const message = member(json, "message")) {
    query.chat = read_chat(member(*message, "chat"));
    query.message_id = integer(*message, "message_id").value_or(0);
  }
  return query;
}

}  // namespace

std::optional<Update> read_update(const Json& json) {
  const auto id = integer(json, "update_id");
  if (!id) return std::nullopt;
  Update update{.update_id = *id, .message = std::nullopt, .callback_query = std::nullopt};
  if (const Json* const message = member(json, "message")) update.message = read_message(*message);
  if (const Json* const query = member(json, "callback_query")) update.callback_query = read_callback(*query);
  return update;
}

}  // namespace p2p::telegram
