#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.hpp"
#include "services/chat/store/chat_request.hpp"
#include "services/chat/store/tables.hpp"

namespace p2p::chat {

/// What must survive a crash of the bot. Every call except transaction() belongs in a transaction, those of the tables too. Not
/// thread-safe. Throws db::DatabaseError: the database cannot be read or written at the moment, and nothing of the transaction was kept.
class ChatStore {
 public:
  virtual ~ChatStore() = default;

  /// Runs `work` and keeps all of it or nothing.
  virtual void transaction(const std::function<void()>& work) = 0;

  virtual UpdateTable& updates() = 0;
  virtual OutboxTable& outbox() = 0;
  virtual ReplyTable& replies() = 0;
  virtual PositionTable& positions() = 0;
  virtual ErasureTable& erasures() = 0;

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
  /// Of requests and replies.
  virtual void move_chat(std::int64_t from, std::int64_t to) = 0;

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
