#include <soci/soci.h>

#include <filesystem>

#include "base/json.hpp"
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
        save_((sql_.prepare << "INSERT INTO requests (" + request_columns() + ") VALUES (" + request_columns(":") +
                                   ") ON CONFLICT (id) DO UPDATE SET " + request_updates(),
               soci::use(saved_))) {}

  void transaction(const std::function<void()>& work) override { database_.transaction(work); }

  bool has_update(std::int64_t update_id) override {
    int count = 0;
    sql_ << "SELECT COUNT(*) FROM updates WHERE id = :id", soci::use(update_id), soci::into(count);
    return count > 0;
  }
  void add_update(std::int64_t update_id) override {
    sql_ << "INSERT INTO updates (id) VALUES (:id) ON CONFLICT DO NOTHING", soci::use(update_id);
  }

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
    sql_ << "INSERT INTO erasures (key) SELECT DISTINCT image_key FROM requests WHERE person = :person AND settled = 1 AND image_key <> '' "
            "ON CONFLICT DO NOTHING",
        soci::use(user);
    sql_ << "DELETE FROM requests WHERE person = :person AND settled = 1", soci::use(user);
  }
  std::vector<std::string> erasures(int most) override {
    const soci::rowset<std::string> rows = (sql_.prepare << "SELECT key FROM erasures ORDER BY key LIMIT :most", soci::use(most));
    return {rows.begin(), rows.end()};
  }
  void remove_erasure(const std::string& key) override { sql_ << "DELETE FROM erasures WHERE key = :key", soci::use(key); }

  void move_chat(std::int64_t from, std::int64_t to) override {
    sql_ << "UPDATE requests SET chat = :to WHERE chat = :from", soci::use(to), soci::use(from);
    sql_ << "UPDATE replies SET chat = :to WHERE chat = :from", soci::use(to), soci::use(from);
  }

  void add(const OutboxMessage& message) override {
    const bus::Outgoing& out = message.message;
    const std::string headers = Json(out.headers).dump(-1, ' ', false, Json::error_handler_t::replace);
    const int partition = out.partition.value_or(0);
    soci::indicator has_partition = out.partition ? soci::i_ok : soci::i_null;
    sql_ << "INSERT INTO outbox (number, topic, part, key, value, headers) VALUES (:number, :topic, :part, :key, :value, :headers) "
            "ON CONFLICT DO NOTHING",
        soci::use(message.number), soci::use(out.topic), soci::use(partition, has_partition), soci::use(out.key), soci::use(out.value),
        soci::use(headers);
  }
  void remove_from_outbox(std::int64_t number) override { sql_ << "DELETE FROM outbox WHERE number = :number", soci::use(number); }
  std::vector<OutboxMessage> outbox() override {
    std::vector<OutboxMessage> list;
    const soci::rowset<soci::row> rows = (sql_.prepare << "SELECT number, topic, part, key, value, headers FROM outbox ORDER BY number");
    for (const soci::row& row : rows) {
      OutboxMessage& message = list.emplace_back();
      message.number = row.get<long long>(0);
      message.message = {.topic = row.get<std::string>(1), .key = row.get<std::string>(3), .value = row.get<std::string>(4)};
      if (row.get_indicator(2) != soci::i_null) message.message.partition = row.get<int>(2);
      parse_json(row.get<std::string>(5), "headers in the outbox").get_to(message.message.headers);
    }
    return list;
  }

  void add(const Reply& reply) override {
    const int in_group = reply.in_group ? 1 : 0;
    const std::int64_t thread = reply.thread.value_or(0);
    soci::indicator has_thread = reply.thread ? soci::i_ok : soci::i_null;
    sql_ << "INSERT INTO replies (number, chat, in_group, thread, reply_to, text) VALUES (:number, :chat, :group, :thread, :reply_to, "
            ":text) ON CONFLICT DO NOTHING",
        soci::use(reply.number), soci::use(reply.chat), soci::use(in_group), soci::use(thread, has_thread), soci::use(reply.reply_to),
        soci::use(reply.text);
  }
  void remove_reply(std::int64_t number) override { sql_ << "DELETE FROM replies WHERE number = :number", soci::use(number); }
  std::vector<Reply> replies() override {
    std::vector<Reply> list;
    const soci::rowset<soci::row> rows =
        (sql_.prepare << "SELECT number, chat, in_group, thread, reply_to, text FROM replies ORDER BY number");
    for (const soci::row& row : rows) {
      Reply& reply = list.emplace_back();
      reply = {.number = row.get<long long>(0), .chat = row.get<long long>(1), .in_group = row.get<int>(2) != 0};
      if (row.get_indicator(3) != soci::i_null) reply.thread = row.get<long long>(3);
      reply.reply_to = row.get<long long>(4);
      reply.text = row.get<std::string>(5);
    }
    return list;
  }

  bus::StartAt position(const std::string& topic) override {
    bus::StartAt position;
    const soci::rowset<soci::row> rows = (sql_.prepare << "SELECT part, next FROM offsets WHERE topic = :topic", soci::use(topic));
    for (const soci::row& row : rows) position.offsets[{topic, row.get<int>(0)}] = row.get<long long>(1);
    sql_ << "SELECT log FROM logs WHERE topic = :topic", soci::use(topic), soci::into(position.log);
    return position;
  }
  void save_position(const std::map<bus::TopicPartition, std::int64_t>& offsets) override {
    for (const auto& [partition, next] : offsets) {
      sql_ << "INSERT INTO offsets (topic, part, next) VALUES (:topic, :part, :next) ON CONFLICT (topic, part) DO UPDATE SET next = "
              "excluded.next",
          soci::use(partition.topic), soci::use(partition.partition), soci::use(next);
    }
  }
  void save_log(const std::string& topic, const std::string& log) override {
    sql_ << "INSERT INTO logs (topic, log) VALUES (:topic, :log) ON CONFLICT (topic) DO UPDATE SET log = excluded.log", soci::use(topic),
        soci::use(log);
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
    constexpr std::int64_t kUpdates = 100'000;  // Telegram repeats none that is older
    const std::int64_t at = to_millis(before);
    const std::string day = to_text(before).substr(0, 10);
    sql_ << "DELETE FROM requests WHERE settled = 1 AND ended < :at AND COALESCE(link_until, 0) < :at2", soci::use(at), soci::use(at);
    sql_ << "DELETE FROM user_days WHERE day < :day", soci::use(day);
    sql_ << "DELETE FROM updates WHERE id < (SELECT MAX(id) FROM updates) - :kept", soci::use(kUpdates);
  }

 private:
  template <typename Value>
  std::vector<ChatRequest> select(const std::string& where, const Value& value) {
    const soci::rowset<ChatRequest> rows = (sql_.prepare << "SELECT " + request_columns() + " FROM requests " + where, soci::use(value));
    return {rows.begin(), rows.end()};
  }

  db::Database database_;
  soci::session& sql_;
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
