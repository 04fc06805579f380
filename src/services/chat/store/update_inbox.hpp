#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/secret.hpp"

namespace soci {
class session;
}

namespace p2p::chat {

/// Updates of Telegram in PostgreSQL that any process of the bot received and the one that works has not taken yet. Thread-safe. Functions
/// throw db::DatabaseError and db::ConnectionLost; after the latter the next call connects again.
class UpdateInbox {
 public:
  struct Update {
    std::int64_t id = 0;
    std::string json;
  };

  explicit UpdateInbox(Secret url);
  ~UpdateInbox();

  /// Stores the update; an update that is there already stays.
  void add(const Update& update);
  /// The oldest, at most `most`.
  std::vector<Update> oldest(int most);
  void remove(const std::vector<std::int64_t>& ids);

 private:
  /// Runs `work` on a connection, in a transaction.
  template <typename Work>
  void with_connection(const Work& work);

  const Secret url_;
  std::mutex mutex_;
  std::unique_ptr<soci::session> sql_;  ///< nullptr: not connected
};

}  // namespace p2p::chat
