#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "platform/bus/bus.hpp"
#include "services/bot/request_row.hpp"

namespace p2p::bot {

/// The database cannot be read or written at the moment: locked, full, away. Nothing of the transaction was kept.
class StateError : public Error {
 public:
  using Error::Error;
};

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
  std::int64_t reply_to = 0;
  std::string text;
};

/// What must outlive a crash of the bot. Every call but transaction() belongs into one. Not thread-safe. Throws StateError.
class State {
 public:
  virtual ~State() = default;

  /// Runs `work` and keeps all of it or nothing.
  virtual void transaction(const std::function<void()>& work) = 0;

  virtual bool has_update(std::int64_t update_id) = 0;
  virtual void note_update(std::int64_t update_id) = 0;

  virtual void save(const RequestRow& row) = 0;
  virtual std::optional<RequestRow> find(const std::string& id) = 0;
  /// Those that are not settled, in order of acceptance.
  virtual std::vector<RequestRow> unsettled() = 0;
  /// Settled ones whose shown link has expired at `at`, at most `most`.
  virtual std::vector<RequestRow> with_expired_links(Time at, int most) = 0;
  virtual void move_chat(std::int64_t from, std::int64_t to) = 0;

  virtual void add(const OutboxMessage& letter) = 0;
  virtual void remove_from_outbox(std::int64_t number) = 0;
  virtual std::vector<OutboxMessage> outbox() = 0;

  virtual void add(const Reply& reply) = 0;
  virtual void remove_reply(std::int64_t number) = 0;
  virtual std::vector<Reply> replies() = 0;

  virtual std::map<bus::TopicPartition, std::int64_t> offsets() = 0;
  virtual void save_offsets(const std::map<bus::TopicPartition, std::int64_t>& offsets) = 0;
  /// Which log of the topic they are of, as bus::LogReader::log(); empty: not known.
  virtual std::string log_of(const std::string& topic) = 0;
  virtual void save_log(const std::string& topic, const std::string& log) = 0;

  /// Counts one more request of the user on that day; gives the count.
  virtual int count_day(std::int64_t user, const std::string& day) = 0;
  virtual int day_count(std::int64_t user, const std::string& day) = 0;

  /// Forgets settled requests that ended before `before`, and what else has grown old.
  virtual void prune(Time before) = 0;
};

/// Opens, makes or brings up to date the database of a URL sqlite:///PATH, which belongs to this process alone as long as it lives. Throws
/// UsageError: another kind of URL, a database in use, one of a newer version; StateError.
std::unique_ptr<State> open_state(const Secret& url);

/// The file of a URL sqlite:///PATH. Throws UsageError for another kind.
std::filesystem::path database_file(const Secret& url);

/// Whether it could be opened and written; a database that a running bot uses is fine. Throws as open_state().
void check_state(const Secret& url);

}  // namespace p2p::bot
