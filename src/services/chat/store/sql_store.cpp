#include <soci/soci.h>

#include <filesystem>

#include "platform/db/database.hpp"
#include "services/chat/store/chat_store.hpp"
#include "services/chat/store/columns.hpp"
#include "services/chat/store/migrations.hpp"

namespace p2p::chat {
namespace {

class SqlStore : public ChatStore {
 public:
  explicit SqlStore(const Secret& url)
      : database_(url, db::is_postgres(url) ? std::span<const char* const>(kPostgresMigrations) : kMigrations),
        sql_(database_.sql()),
        updates_(sql_),
        outbox_(sql_),
        replies_(sql_),
        positions_(sql_),
        erasures_(sql_),
        save_((sql_.prepare << "INSERT INTO requests (" + request_columns() + ") VALUES (" + request_columns(":") +
                                   ") ON CONFLICT (id) DO UPDATE SET " + request_updates(),
               soci::use(saved_))) {}

  void transaction(const std::function<void()>& work) override { database_.transaction(work); }
  UpdateTable& updates() override { return updates_; }
  OutboxTable& outbox() override { return outbox_; }
  ReplyTable& replies() override { return replies_; }
  PositionTable& positions() override { return positions_; }
  ErasureTable& erasures() override { return erasures_; }

  void save(const ChatRequest& request) override {
    saved_ = request;
    save_.execute(true);
  }
  std::optional<ChatRequest> find(const std::string& id) override {
    auto list = select("WHERE id = :id", id);
    if (list.empty()) return std::nullopt;
    return std::move(list.front());
  }
  std::vector<ChatRequest> unsettled() override { return select("WHERE settled = :no ORDER BY accepted", 0); }
  std::vector<ChatRequest> with_expired_links(Time at, int most) override {
    return select("WHERE link_until < :at AND settled = 1 ORDER BY link_until LIMIT " + std::to_string(most), to_millis(at));
  }

  int count_settled(std::int64_t user) override {
    int count = 0;
    sql_ << "SELECT COUNT(*) FROM requests WHERE person = :person AND settled = 1", soci::use(user), soci::into(count);
    return count;
  }
  void forget_user(std::int64_t user) override {
    erasures_.add_pictures_of(user);
    sql_ << "DELETE FROM requests WHERE person = :person AND settled = 1", soci::use(user);
  }
  void move_chat(std::int64_t from, std::int64_t to) override {
    sql_ << "UPDATE requests SET chat = :to WHERE chat = :from", soci::use(to), soci::use(from);
    replies_.move_chat(from, to);
  }

  void count_day(std::int64_t user, const std::string& day) override {
    sql_ << "INSERT INTO user_days (person, day, count) VALUES (:person, :day, 1) ON CONFLICT (person, day) DO UPDATE SET count = "
            "user_days.count + 1",
        soci::use(user), soci::use(day);
  }
  int day_count(std::int64_t user, const std::string& day) override {
    int count = 0;
    sql_ << "SELECT count FROM user_days WHERE person = :person AND day = :day", soci::use(user), soci::use(day), soci::into(count);
    return count;
  }

  void prune(Time before) override {
    const std::int64_t at = to_millis(before);
    const std::string day = to_text(before).substr(0, 10);
    sql_ << "DELETE FROM requests WHERE settled = 1 AND ended < :at AND COALESCE(link_until, 0) < :at2", soci::use(at), soci::use(at);
    sql_ << "DELETE FROM user_days WHERE day < :day", soci::use(day);
    updates_.prune();
  }

 private:
  template <typename Value>
  std::vector<ChatRequest> select(const std::string& where, const Value& value) {
    const soci::rowset<ChatRequest> rows = (sql_.prepare << "SELECT " + request_columns() + " FROM requests " + where, soci::use(value));
    return {rows.begin(), rows.end()};
  }

  db::Database database_;
  soci::session& sql_;
  UpdateTable updates_;
  OutboxTable outbox_;
  ReplyTable replies_;
  PositionTable positions_;
  ErasureTable erasures_;
  ChatRequest saved_;
  soci::statement save_;  ///< stores saved_; prepared once, because it is run several times for each request
};

}  // namespace

std::unique_ptr<ChatStore> open_store(const Secret& url) { return std::make_unique<SqlStore>(url); }

void check_store(const Secret& url) {
  try {
    if (!db::is_postgres(url) && db::Database::is_in_use(url)) return;
    open_store(url)->transaction([] {});
  } catch (const db::InUse&) {  // by a bot that works
  }
}

}  // namespace p2p::chat
