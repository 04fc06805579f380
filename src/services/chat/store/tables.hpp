#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/bus/bus.hpp"

namespace soci {
class session;
}

/// The small tables of the ChatStore. Every call belongs in a transaction of the store and throws as those do. Not thread-safe.
namespace p2p::chat {

/// A message for the bus that may not have been sent yet.
struct OutboxMessage {
  std::int64_t number = 0;  ///< in order
  bus::Outgoing message;
};

class OutboxTable {
 public:
  explicit OutboxTable(soci::session& sql) : sql_(sql) {}
  void add(const OutboxMessage& message);
  void remove(std::int64_t number);
  /// In order.
  std::vector<OutboxMessage> all();

 private:
  soci::session& sql_;
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

class ReplyTable {
 public:
  explicit ReplyTable(soci::session& sql) : sql_(sql) {}
  void add(const Reply& reply);
  void remove(std::int64_t number);
  /// In order.
  std::vector<Reply> all();
  void move_chat(std::int64_t from, std::int64_t to);

 private:
  soci::session& sql_;
};

/// How far topics have been read.
class PositionTable {
 public:
  explicit PositionTable(soci::session& sql) : sql_(sql) {}
  /// Where to continue in the topic. Its `log` is empty if it is not known.
  bus::StartAt of(const std::string& topic);
  void save(const std::map<bus::TopicPartition, std::int64_t>& offsets);
  /// `log`: as bus::LogReader::log().
  void save_log(const std::string& topic, const std::string& log);

 private:
  soci::session& sql_;
};

/// Telegram's updates that were taken.
class UpdateTable {
 public:
  explicit UpdateTable(soci::session& sql) : sql_(sql) {}
  bool has(std::int64_t id);
  void add(std::int64_t id);
  /// Forgets those that are so old that Telegram repeats none of them.
  void prune();

 private:
  soci::session& sql_;
};

/// Keys of objects that are to be deleted.
class ErasureTable {
 public:
  explicit ErasureTable(soci::session& sql) : sql_(sql) {}
  /// Adds the pictures of the user's settled requests.
  void add_pictures_of(std::int64_t user);
  /// At most `most`.
  std::vector<std::string> first(int most);
  void remove(const std::string& key);

 private:
  soci::session& sql_;
};

}  // namespace p2p::chat
