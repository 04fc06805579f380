#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.hpp"
#include "platform/bus/bus.hpp"
#include "services/chat/store/chat_request.hpp"

namespace p2p::chat {

/// A message for the bus that may not have been sent yet.
struct OutboxMessage {
  std::int64_t number = 0;  ///< in order
  bus::Outgoing message;
};

/// A text for a chat that may not have been sent yet.
struct Reply {
  std::int64_t number = 0;  ///< in order
  std::int64_t chat = 0;
  bool in_group = false;
  std::optional<std::int64_t> thread;
  std::int64_t reply_to = 0;  ///< 0: to no message
  std::string text;
};

/// What must survive a crash of the bot. Every call except transaction() belongs in a transaction. Not thread-safe. Throws
/// db::DatabaseError: the database cannot be read or written at the moment, and nothing of the transaction was kept.
class ChatStore {
 public:
  virtual ~ChatStore() = default;

  /// Runs `work` and keeps all of it or nothing.
  virtual void transaction(const std::function<void()>& work) = 0;

  virtual bool has_update(std::int64_t update_id) = 0;
  virtual void add_update(std::int64_t update_id) = 0;

  virtual void save(const ChatRequest& request) = 0;
  virtual std::optional<ChatRequest> find(const std::string& id) = 0;
  /// Those that are not settled, in order of acceptance.
  virtual std::vector<ChatRequest> unsettled() = 0;
  /// Settled ones whose shown link has expired at `at`, at most `most`.
  virtual std::vector<ChatRequest> with_expired_links(Time at, int most) = 0;
  /// Requests of the user that are settled.
  virtual int count_settled(std::int64_t user) = 0;
  /// Forgets the user's settled requests and keeps the keys of their pictures in erasures(). Counts of a day stay, as limits go by them.
  virtual void forget_user(std::int64_t user) = 0;
  /// Keys of objects that are to be deleted, at most `most`.
  virtual std::vector<std::string> erasures(int most) = 0;
  virtual void remove_erasure(const std::string& key) = 0;
  /// Of requests and replies.
  virtual void move_chat(std::int64_t from, std::int64_t to) = 0;

  virtual void add(const OutboxMessage& message) = 0;
  virtual void remove_from_outbox(std::int64_t number) = 0;
  virtual std::vector<OutboxMessage> outbox() = 0;

  virtual void add(const Reply& reply) = 0;
  virtual void remove_reply(std::int64_t number) = 0;
  virtual std::vector<Reply> replies() = 0;

  /// Where to continue in the topic. `log`: as bus::LogReader::log(); empty: not known.
  virtual bus::StartAt position(const std::string& topic) = 0;
  virtual void save_position(const std::map<bus::TopicPartition, std::int64_t>& offsets) = 0;
  virtual void save_log(const std::string& topic, const std::string& log) = 0;

  /// Counts one more request of the user on that day, such as "2026-11-24".
  virtual void count_day(std::int64_t user, const std::string& day) = 0;
  virtual int day_count(std::int64_t user, const std::string& day) = 0;

  /// Forgets settled requests that ended before `before`, and what else has grown old.
  virtual void prune(Time before) = 0;
};

/// Opens, creates or migrates the database of a URL sqlite:///PATH or postgresql://..., which belongs to this process alone as long as the
/// store lives. Throws as db::Database; every call of a store in PostgreSQL may throw db::ConnectionLost, which ends its use.
std::unique_ptr<ChatStore> open_store(const Secret& url);

/// Checks that the database could be opened and written; one that a running bot uses is fine. Throws as open_store(), but for db::InUse.
void check_store(const Secret& url);

}  // namespace p2p::chat
