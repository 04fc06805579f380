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

/// The part of Telegram's Bot API that the bot needs.
namespace p2p::telegram {

struct User {
  std::int64_t id = 0;  ///< below zero: a chat in whose name somebody wrote, an anonymous administrator or a channel
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
  std::optional<User> from;               ///< who wrote it; a chat where it was written in a chat's name
  std::optional<std::int64_t> thread_id;  ///< message_thread_id, of forum topics only
  std::int64_t date = 0;                  ///< seconds since 1970
  std::string text;                       ///< or the caption
  bool has_content = false;               ///< somebody wrote it; false: it tells of an event, such as a new member
  std::string album;                      ///< media_group_id; empty: none
  std::string replied_text;               ///< the quoted part of the message that this one replies to, or its whole text or caption
  std::string replied_username;           ///< of who wrote that
};

struct CallbackQuery {
  std::string id;
  User from;
  std::optional<Chat> chat;  ///< of the message with the button, where Telegram still has it
  std::int64_t message_id = 0;
  std::string data;
};

/// One of the two, or neither for a kind that is of no use to us.
struct Update {
  std::int64_t update_id = 0;
  std::optional<Message> message;  ///< new ones only
  std::optional<CallbackQuery> callback_query;
};

/// Reads an Update; nothing if it is none (no object, no update_id, wrong types). Safe for any JSON.
std::optional<Update> read_update(const Json& json);

/// An Update from its text. Of one that cannot be read, because it is nested too deep or broken inside, the update_id alone, so that it can
/// be confirmed and does not hold up those that follow; nothing where it has none. Safe for any bytes.
std::optional<Json> parse_update(std::string_view text);

/// Why a call gave nothing, by what to do about it.
struct Failure {
  enum class Kind {
    unreachable,   ///< no answer, a 5xx, or no JSON: try again, though Telegram may have carried it out
    flood,         ///< try again after retry_after
    not_modified,  ///< the message is so already
    message_gone,  ///< cannot be edited: deleted or not editable
    has_media,     ///< the message whose text was to be edited shows a picture
    reply_gone,    ///< the message that is replied to
    topic_gone,    ///< the forum's topic is deleted or closed
    no_rights,     ///< pictures or files may not be sent to this group
    bad_link,      ///< of a button
    forbidden,     ///< blocked by the user, thrown out of the group
    chat_gone,     ///< no such chat
    migrated,      ///< the group is now the supergroup migrate_to
    unauthorized,  ///< the token is wrong
    conflict,      ///< another getUpdates or a webhook is active
    too_late,      ///< callback query too old
    bad_request,   ///< everything else that no repeat mends
  };
  Kind kind = Kind::unreachable;
  std::string text;                     ///< Telegram's description; never the token
  std::chrono::seconds retry_after{0};  ///< flood
  std::int64_t migrate_to = 0;          ///< migrated
};

template <typename T>
using Result = std::expected<T, Failure>;

/// A button below a message: either callback data (at most 64 bytes) or a URL.
struct Button {
  std::string text;
  std::string data;
  std::string url;
};
using Keyboard = std::vector<std::vector<Button>>;  ///< rows

struct ReplyTo {
  std::int64_t chat_id = 0;
  std::optional<std::int64_t> thread_id;
  std::optional<std::int64_t> message_id;  ///< the message that is replied to; if it is gone the message is sent without
};

struct Media {
  enum class Type { photo, document } type = Type::photo;
  std::string_view bytes;  ///< kept by the caller until the call ends
  std::string file_name;
  std::string content_type;
  std::string caption;  ///< plain text, at most 1024 UTF-16 units
};

/// What Telegram knows of the webhook.
struct WebhookInfo {
  std::string url;                 ///< empty: none is set
  std::int64_t pending = 0;        ///< updates that wait
  std::int64_t last_error_at = 0;  ///< seconds since 1970; 0: none
  std::string last_error;          ///< in Telegram's words
};

struct Command {
  std::string name;  ///< without slash
  std::string description;
};

/// Text is always plain: no parse mode is ever set, so that nothing in it is markup. Thread-safe; each call blocks until it is answered or
/// timed out, and none repeats itself.
class Api {
 public:
  virtual ~Api() = default;

  struct Me {
    std::int64_t id = 0;
    std::string username;
  };
  virtual Result<Me> get_me() = 0;
  /// Raw updates in order; each has an integer update_id. `cancelled` ends a long wait early with `unreachable`.
  virtual Result<std::vector<Json>> get_updates(std::int64_t offset, std::chrono::seconds timeout,
                                                const std::function<bool()>& cancelled) = 0;
  virtual Result<bool> set_webhook(const std::string& url, const Secret& secret_token) = 0;
  virtual Result<bool> delete_webhook() = 0;
  virtual Result<WebhookInfo> get_webhook_info() = 0;
  virtual Result<bool> set_my_commands(const std::vector<Command>& commands, const std::string& language_code) = 0;

  /// The new message's id.
  virtual Result<std::int64_t> send_message(const ReplyTo& to, const std::string& text, const Keyboard& keyboard) = 0;
  virtual Result<bool> edit_message_text(std::int64_t chat_id, std::int64_t message_id, const std::string& text,
                                         const Keyboard& keyboard) = 0;
  virtual Result<bool> edit_message_media(std::int64_t chat_id, std::int64_t message_id, const Media& media, const Keyboard& keyboard) = 0;
  virtual Result<bool> edit_message_reply_markup(std::int64_t chat_id, std::int64_t message_id, const Keyboard& keyboard) = 0;
  virtual Result<bool> answer_callback_query(const std::string& query_id, const std::string& text, bool alert) = 0;
};

struct ApiConfig {
  std::string url = "https://api.telegram.org";  ///< or a self-hosted Bot API server's
  Secret token;
  Secret proxy;  ///< http:// or socks5h:// URL; empty: direct
};

/// `give_up`, where given, is asked about each second during a call and ends it.
std::unique_ptr<Api> bot_api(const ApiConfig& config, std::function<bool()> give_up = {});

/// Cuts to `units` UTF-16 code units, as Telegram counts, at a character's border, with an ellipsis where something was cut. Invalid UTF-8
/// becomes U+FFFD.
std::string cut_to(std::string_view text, std::size_t units);
/// UTF-16 code units of UTF-8 text.
std::size_t length_of(std::string_view text);

}  // namespace p2p::telegram
