#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "platform/telegram/api.hpp"
#include "services/chat/presenter/buttons.hpp"
#include "services/chat/presenter/view.hpp"
#include "services/chat/store/chat_request.hpp"
#include "services/chat/store/chat_store.hpp"

/// What the bot does about messages and button presses. No I/O.
namespace p2p::chat {

struct SendReply {
  Reply reply;
};
/// A request is not accepted.
struct Refuse {
  std::string reason;  ///< the label of a metric
  Reply reply;
};
struct AnswerQuery {
  std::string query_id;
  std::string text;
  bool alert = false;
};
struct Submit {
  Origin origin;
  Params params;
  std::string day;  ///< on which it counts
};
struct Cancel {
  std::string id;
};
struct RenewLink {
  ChatRequest request;
  std::int64_t message = 0;  ///< with the button
};
/// Everything that is kept of the user is deleted.
struct Forget {
  std::int64_t user = 0;
};
using Action = std::variant<SendReply, Refuse, AnswerQuery, Submit, Cancel, RenewLink, Forget>;

/// What the conversation needs to look up. Every call may throw Cancelled.
class Lookup {
 public:
  virtual ~Lookup() = default;
  virtual std::optional<ChatRequest> find(const std::string& id) = 0;
  struct Listed {
    ChatRequest request;
    StatusContext context;
  };
  /// The user's requests that are not over, in order of acceptance.
  virtual std::vector<Listed> requests_of(std::int64_t user) = 0;
  /// Requests of all doors that are not over.
  virtual int queue_length() = 0;
  /// The user's requests, of all doors, that no worker has begun.
  virtual int waiting_of(std::int64_t user) = 0;
  /// The user's requests that are kept and shown.
  virtual int kept_of(std::int64_t user) = 0;
  /// The user's requests of that day.
  virtual int day_count(std::int64_t user, const std::string& day) = 0;
  /// A prompt that the model draws well; empty: none is known.
  virtual std::string example(Language language) = 0;
  /// Whether there is a link to the request's picture.
  virtual bool has_link(const ChatRequest& request) = 0;
};

struct ConversationRules {
  std::string username;  ///< the bot's own, without @
  std::string model;     ///< that draws
  std::set<std::int64_t> admins;
  std::set<std::int64_t> allow;  ///< empty: everyone
  std::set<std::int64_t> block;
  int user_queue = 20;              ///< requests that a user may have waiting
  std::optional<int> user_per_day;  ///< unset: any number
  std::optional<int> keep_days;     ///< after which pictures are deleted; unset: never
  std::string privacy_contact;      ///< who answers for personal data; empty: not said
};

/// Turns updates into actions. It remembers what must not be answered twice: albums and double presses. Not thread-safe.
class Conversation {
 public:
  /// Keeps the references. `random`: seeds.
  Conversation(const ConversationRules& rules, Lookup& lookup, std::function<std::uint64_t()> random)
      : rules_(rules), lookup_(lookup), random_(std::move(random)) {}

  /// The actions, in order. Throws Cancelled as the lookup does.
  std::vector<Action> take(const telegram::Update& update, Time now);
  /// Forgets what is old.
  void tidy(Time now);

 private:
  using Actions = std::vector<Action>;

  Actions on_message(const telegram::Message& message, Time now);
  Actions on_press(const telegram::CallbackQuery& query, Time now);
  /// Whether another message of the same album was answered.
  bool is_repeated(const telegram::Message& message, Time now);
  Action ask(const Origin& origin, const Params& params, Time now);
  Actions cancel(const Origin& origin, bool all);
  std::string privacy_text(Language language) const;
  Actions forget(const Origin& origin, std::string_view word);
  std::string queue_text(std::int64_t user, Language language);
  std::string example(Language language);
  Action draw_again(const telegram::User& user, const ChatRequest& request, Callback::Kind kind, Time now);
  bool may_draw(std::int64_t user) const;
  bool is_own_name(std::string_view username) const;
  /// Short enough to be typed.
  std::uint64_t new_seed() { return random_() >> 32u; }

  const ConversationRules& rules_;
  Lookup& lookup_;
  std::function<std::uint64_t()> random_;
  std::map<std::string, Time> pressed_;  ///< buttons that draw, when
  std::map<std::string, Time> albums_;   ///< that were answered, when
};

}  // namespace p2p::chat
