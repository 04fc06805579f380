#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/secret.hpp"

/// The subset of Telegram's Bot API that the bot uses.
namespace p2p::telegram {

struct User {
  std::int64_t id = 0;  ///< negative: a chat on whose behalf somebody wrote (anonymous administrator, channel)
  bool is_bot = false;
  std::string language_code;  ///< IETF, such as "ru" or "pt-br"; may be empty
};

struct Chat {
  std::int64_t id = 0;
  enum class Type { private_chat, group, supergroup, channel } type = Type::private_chat;
  bool is_group() const { return type == Type::group || type == Type::supergroup; }
};

struct Message {
  std::int64_t message_id = 0;
  Chat chat;
  std::optional<User> from;               ///< the author, or the chat on whose behalf it was written
  std::optional<std::int64_t> thread_id;  ///< message_thread_id, only in forum topics
  std::int64_t date = 0;                  ///< seconds since 1970
  std::string text;                       ///< or the caption
  bool has_content = false;               ///< false for service messages, such as a new member
  std::string album;                      ///< media_group_id; empty: none
  std::string replied_text;               ///< the quoted part of the message that this one replies to, or its whole text or caption
  std::string replied_username;           ///< author of the replied message
};

struct CallbackQuery {
  std::string id;
  User from;
  std::optional<Chat> chat;  ///< of the message with the button, if Telegram still has it
  std::int64_t message_id = 0;
  std::string data;
};

/// A message, a callback, or neither for other kinds of update.
struct Update {
  std::int64_t update_id = 0;
  std::optional<Message> message;  ///< new messages only
  std::optional<CallbackQuery> callback_query;
};

/// Parses an Update; nullopt if it is invalid (no object, no update_id, wrong types). Safe for any JSON.
std::optional<Update> read_update(const Json& json);

/// Parses an Update from text. If it is nested too deep or malformed inside, only the update_id is set, so that it can be confirmed and
/// does not block later updates; nullopt without an update_id. Safe for any bytes.
std::optional<Json> parse_update(std::string_view text);

/// Why a call failed, by what to do about it.
struct Failure {
  enum class Kind {
    unreachable,   ///< no answer, a 5xx, or no JSON: try again, although Telegram may have executed the call
    flood,         ///< try again after retry_after
    not_modified,  ///< the message already has this content
    message_gone,  ///< cannot be edited: deleted or not editable
    has_media,     ///< the message has a picture, so its text cannot be edited
    reply_gone,    ///< the replied message was deleted
    topic_gone,    ///< the forum topic was deleted or closed
    no_rights,     ///< no permission to send pictures or files to this group
    bad_link,      ///< a button has an invalid URL
    forbidden,     ///< blocked by the user, or removed from the group
    chat_gone,     ///< no such chat
    migrated,      ///< the group is now the supergroup migrate_to
    unauthorized,  ///< the token is wrong
    conflict,      ///< another getUpdates or a webhook is active
    too_late,      ///< callback query too old
    bad_request,   ///< any other error that a retry cannot fix
  };
  Kind kind = Kind::unreachable;
  std::string text;                     ///< Telegram's description; never contains the token
  std::chrono::seconds retry_after{0};  ///< flood
  std::int64_t migrate_to = 0;          ///< migrated
};

template <typename T>
using Result = std::expected<T, Failure>;

/// A button below a message, with either callback data (at most 64 bytes) or a URL.
struct Button {
  std::string text;
  std::string data;
  std::string url;
};
using Keyboard = std::vector<std::vector<Button>>;  ///< rows

struct ReplyTo {
  std::int64_t chat_id = 0;
  std::optional<std::int64_t> thread_id;
  std::optional<std::int64_t> message_id;  ///< the message to reply to; ignored if it was deleted
};

struct Media {
  enum class Type { photo, document } type = Type::photo;
  std::string_view bytes;  ///< owned by the caller until the call returns
  std::string file_name;
  std::string content_type;
  std::string caption;  ///< plain text, at most 1024 UTF-16 units
};

/// The state of the webhook at Telegram.
struct WebhookInfo {
  std::string url;                 ///< empty: none is set
  std::int64_t pending = 0;        ///< waiting updates
  std::int64_t last_error_at = 0;  ///< seconds since 1970; 0: none
  std::string last_error;          ///< Telegram's message
};

struct Command {
  std::string name;  ///< without slash
  std::string description;
};

/// Texts are plain: no parse mode is ever set, so nothing in them is markup. Thread-safe; each call blocks until the answer or a timeout,
/// and does not retry.
class Api {
 public:
  virtual ~Api() = default;

  struct Me {
    std::int64_t id = 0;
    std::string username;
  };
  virtual Result<Me> get_me() = 0;
  /// Updates in order; each has an update_id. `cancelled` ends a long poll early with `unreachable`.
  virtual Result<std::vector<Json>> get_updates(std::int64_t offset, std::chrono::seconds timeout,
                                                const std::function<bool()>& cancelled) = 0;
  virtual Result<bool> set_webhook(const std::string& url, const Secret& secret_token) = 0;
  virtual Result<bool> delete_webhook() = 0;
  virtual Result<WebhookInfo> get_webhook_info() = 0;
  virtual Result<bool> set_my_commands(const std::vector<Command>& commands, const std::string& language_code) = 0;

  /// Returns the id of the new message.
  virtual Result<std::int64_t> send_message(const ReplyTo& to, const std::string& text, const Keyboard& keyboard) = 0;
  virtual Result<bool> edit_message_text(std::int64_t chat_id, std::int64_t message_id, const std::string& text,
                                         const Keyboard& keyboard) = 0;
  virtual Result<bool> edit_message_media(std::int64_t chat_id, std::int64_t message_id, const Media& media, const Keyboard& keyboard) = 0;
  virtual Result<bool> edit_message_reply_markup(std::int64_t chat_id, std::int64_t message_id, const Keyboard& keyboard) = 0;
  virtual Result<bool> answer_callback_query(const std::string& query_id, const std::string& text, bool alert) = 0;
};

struct ApiConfig {
  std::string url = "https://api.telegram.org";  ///< or a self-hosted Bot API server
  Secret token;
  Secret proxy;  ///< http:// or socks5h:// URL; empty: direct
};

/// `give_up`, if set, is polled every second during a call and ends it when it returns true.
std::unique_ptr<Api> bot_api(const ApiConfig& config, std::function<bool()> give_up = {});

/// Cuts to `units` UTF-16 code units, as Telegram counts, at a character boundary, and marks the cut with an ellipsis. Invalid UTF-8
/// becomes U+FFFD.
std::string cut_to(std::string_view text, std::size_t units);
/// UTF-16 code units of UTF-8 text.
std::size_t length_of(std::string_view text);

}  // namespace p2p::telegram
