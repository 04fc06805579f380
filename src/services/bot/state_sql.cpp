#include <fcntl.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "base/private_folder.hpp"
#include "services/bot/state.hpp"

namespace p2p::bot {
namespace {

namespace fs = std::filesystem;

/// Version n is what the first n of these make. A landed one is never changed.
constexpr std::array kMigrations{
    "CREATE TABLE updates (id BIGINT PRIMARY KEY);"
    "CREATE TABLE requests (id TEXT PRIMARY KEY, chat BIGINT NOT NULL, accepted BIGINT NOT NULL, ended BIGINT NOT NULL, settled INTEGER "
    "NOT NULL, "
    "link_until BIGINT NOT NULL, body TEXT NOT NULL);"
    "CREATE INDEX requests_unsettled ON requests (accepted) WHERE settled = 0;"
    "CREATE INDEX requests_links ON requests (link_until) WHERE link_until > 0;"
    "CREATE TABLE letters (number BIGINT PRIMARY KEY, body TEXT NOT NULL);"
    "CREATE TABLE replies (number BIGINT PRIMARY KEY, chat BIGINT NOT NULL, body TEXT NOT NULL);"
    "CREATE TABLE offsets (topic TEXT NOT NULL, part INTEGER NOT NULL, next BIGINT NOT NULL, PRIMARY KEY (topic, part));"
    "CREATE TABLE user_days (person BIGINT NOT NULL, day TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (person, day));",
    "CREATE TABLE logs (topic TEXT PRIMARY KEY, log TEXT NOT NULL);",
};

std::string path_of(const Secret& url) {
  constexpr std::string_view kScheme = "sqlite:///";
  const std::string& text = url.expose();
  if (text.starts_with("postgresql://")) throw UsageError("P2P_DATABASE_URL: postgresql comes in a later version; use sqlite:///PATH");
  if (!text.starts_with(kScheme) || text.size() == kScheme.size()) throw UsageError("P2P_DATABASE_URL takes sqlite:///PATH");
  // sqlite:///data/x.db and sqlite:////data/x.db both mean /data/x.db: services have no folder of their own to start from.
  const std::string path = text.substr(kScheme.size());
  return path.starts_with('/') ? path : "/" + path;
}

/// Held while the process lives: two bots on one database would each answer everything.
class Lock {
 public:
  explicit Lock(const std::string& path) : file_(open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (file_ < 0)
      throw UsageError("the database's folder " + fs::path(path).parent_path().string() +
                       " cannot be written; set P2P_DATABASE_URL or P2P_DATA_DIR");
  }
  ~Lock() { close(file_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  bool take() const { return flock(file_, LOCK_EX | LOCK_NB) == 0; }

 private:
  int file_;
};

/// What people asked for is for this user alone. SQLite gives the files beside the database the permissions that the database has.
void make_private(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file >= 0) close(file);  // else SQLite says why not
  for (const char* end : {"", "-wal", "-shm", "-journal"}) {
    struct stat status{};
    if (stat((path + end).c_str(), &status) == 0 && (status.st_mode & 077u) != 0)
      chmod((path + end).c_str(), 0600);  // of an earlier version
  }
}

Json to_json(const OutboxMessage& letter) {
  return {{"topic", letter.message.topic},
          {"partition", letter.message.partition ? Json(*letter.message.partition) : Json()},
          {"key", letter.message.key},
          {"value", letter.message.value},
          {"headers", letter.message.headers}};
}

OutboxMessage letter_from(std::int64_t number, const Json& json) {
  OutboxMessage letter{number,
                       {.topic = json.at("topic"), .key = json.at("key"), .value = json.at("value"), .headers = json.at("headers")}};
  if (!json.at("partition").is_null()) letter.message.partition = json.at("partition").get<int>();
  return letter;
}

Json to_json(const Reply& reply) {
  return {{"in_group", reply.in_group},
          {"thread", reply.thread ? Json(*reply.thread) : Json()},
          {"reply_to", reply.reply_to},
          {"text", reply.text}};
}

Reply reply_from(std::int64_t number, std::int64_t chat, const Json& json) {
  Reply reply{.number = number, .chat = chat, .in_group = json.at("in_group"), .reply_to = json.at("reply_to"), .text = json.at("text")};
  if (!json.at("thread").is_null()) reply.thread = json.at("thread").get<std::int64_t>();
  return reply;
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

class SqlState : public State {
 public:
  explicit SqlState(const std::string& path) : path_(path), lock_(path) {
    if (!lock_.take())
      throw UsageError("the database " + path + " is in use by another bot; each needs one of its own, set P2P_DATABASE_URL");
    make_private(path);
    guarded([&] {
      sql_.open(soci::sqlite3, "dbname=" + path + " timeout=5");
      sql_ << "PRAGMA journal_mode=WAL";
      sql_ << "PRAGMA synchronous=FULL";  // what was accepted outlives a power cut
      migrate();
    });
  }

  void transaction(const std::function<void()>& work) override {
    guarded([&] {
      soci::transaction transaction(sql_);
      work();
      transaction.commit();
    });
  }

  bool has_update(std::int64_t update_id) override {
    int count = 0;
    sql_ << "SELECT COUNT(*) FROM updates WHERE id = :id", soci::use(update_id), soci::into(count);
    return count > 0;
  }
  void note_update(std::int64_t update_id) override {
    sql_ << "INSERT INTO updates (id) VALUES (:id) ON CONFLICT DO NOTHING", soci::use(update_id);
  }

  void save(const RequestRow& row) override {
    const std::int64_t accepted = to_millis(row.accepted);
    const std::int64_t ended = to_millis(row.ended);
    const int settled = row.settled ? 1 : 0;
    const std::int64_t link_until = row.has_link ? to_millis(row.link_until) : 0;
    const std::string body = dump(bot::to_json(row));
    sql_ << "INSERT INTO requests (id, chat, accepted, ended, settled, link_until, body) VALUES (:id, :chat, :accepted, :ended, :settled, "
            ":link, :body) "
            "ON CONFLICT (id) DO UPDATE SET chat = excluded.chat, ended = excluded.ended, settled = excluded.settled, link_until = "
            "excluded.link_until, "
            "body = excluded.body",
        soci::use(row.id), soci::use(row.chat), soci::use(accepted), soci::use(ended), soci::use(settled), soci::use(link_until),
        soci::use(body);
  }

  std::optional<RequestRow> find(const std::string& id) override {
    const auto rows = read_rows("WHERE id = :id", id);
    if (rows.empty()) return std::nullopt;
    return rows.front();
  }
  std::vector<RequestRow> unsettled() override { return read_rows("WHERE settled = :no ORDER BY accepted", 0); }
  std::vector<RequestRow> with_expired_links(Time at, int most) override {
    return read_rows("WHERE link_until > 0 AND settled = 1 AND link_until < :at ORDER BY link_until LIMIT " + std::to_string(most),
                     to_millis(at));
  }

  void move_chat(std::int64_t from, std::int64_t to) override {
    for (RequestRow& row : read_rows("WHERE chat = :chat", from)) {
      row.chat = to;
      save(row);
    }
    sql_ << "UPDATE replies SET chat = :to WHERE chat = :from", soci::use(to), soci::use(from);
  }

  void add(const OutboxMessage& letter) override {
    const std::string body = dump(to_json(letter));
    sql_ << "INSERT INTO letters (number, body) VALUES (:number, :body)", soci::use(letter.number), soci::use(body);
  }
  void remove_from_outbox(std::int64_t number) override { sql_ << "DELETE FROM letters WHERE number = :number", soci::use(number); }
  std::vector<OutboxMessage> outbox() override {
    std::vector<OutboxMessage> list;
    const soci::rowset<soci::row> rows = (sql_.prepare << "SELECT number, body FROM letters ORDER BY number");
    for (const soci::row& row : rows) list.push_back(letter_from(row.get<long long>(0), Json::parse(row.get<std::string>(1))));
    return list;
  }

  void add(const Reply& reply) override {
    const std::string body = dump(to_json(reply));
    sql_ << "INSERT INTO replies (number, chat, body) VALUES (:number, :chat, :body)", soci::use(reply.number), soci::use(reply.chat),
        soci::use(body);
  }
  void remove_reply(std::int64_t number) override { sql_ << "DELETE FROM replies WHERE number = :number", soci::use(number); }
  std::vector<Reply> replies() override {
    std::vector<Reply> list;
    const soci::rowset<soci::row> rows = (sql_.prepare << "SELECT number, chat, body FROM replies ORDER BY number");
    for (const soci::row& row : rows)
      list.push_back(reply_from(row.get<long long>(0), row.get<long long>(1), Json::parse(row.get<std::string>(2))));
    return list;
  }

  std::map<bus::TopicPartition, std::int64_t> offsets() override {
    std::map<bus::TopicPartition, std::int64_t> offsets;
    const soci::rowset<soci::row> rows = (sql_.prepare << "SELECT topic, part, next FROM offsets");
    for (const soci::row& row : rows) offsets[{row.get<std::string>(0), row.get<int>(1)}] = row.get<long long>(2);
    return offsets;
  }
  void save_offsets(const std::map<bus::TopicPartition, std::int64_t>& offsets) override {
    for (const auto& [place, next] : offsets) {
      sql_ << "INSERT INTO offsets (topic, part, next) VALUES (:topic, :part, :next) ON CONFLICT (topic, part) DO UPDATE SET next = "
              "excluded.next",
          soci::use(place.topic), soci::use(place.partition), soci::use(next);
    }
  }

  std::string log_of(const std::string& topic) override {
    std::string log;
    sql_ << "SELECT log FROM logs WHERE topic = :topic", soci::use(topic), soci::into(log);
    return log;
  }
  void save_log(const std::string& topic, const std::string& log) override {
    sql_ << "INSERT INTO logs (topic, log) VALUES (:topic, :log) ON CONFLICT (topic) DO UPDATE SET log = excluded.log", soci::use(topic),
        soci::use(log);
  }

  int count_day(std::int64_t user, const std::string& day) override {
    sql_ << "INSERT INTO user_days (person, day, count) VALUES (:person, :day, 1) ON CONFLICT (person, day) DO UPDATE SET count = "
            "user_days.count + 1",
        soci::use(user), soci::use(day);
    return day_count(user, day);
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
    sql_ << "DELETE FROM requests WHERE settled = 1 AND ended < :at AND link_until < :at2", soci::use(at), soci::use(at);
    sql_ << "DELETE FROM user_days WHERE day < :day", soci::use(day);
    sql_ << "DELETE FROM updates WHERE id < (SELECT MAX(id) FROM updates) - :kept", soci::use(kUpdates);
  }

 private:
  template <typename Work>
  void guarded(const Work& work) {
    try {
      work();
    } catch (const soci::soci_error& error) {
      throw StateError("the database " + path_ + ": " + error.what());
    }
  }

  void migrate() {
    sql_ << "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)";
    int version = 0;
    sql_ << "SELECT COALESCE(MAX(version), 0) FROM schema_version", soci::into(version);
    if (version > static_cast<int>(kMigrations.size())) {
      throw UsageError("the database " + path_ + " has version " + std::to_string(version) + ", this program knows " +
                       std::to_string(kMigrations.size()) + "; start the newer program, or set P2P_DATABASE_URL to another database");
    }
    for (; version < static_cast<int>(kMigrations.size()); ++version) {
      soci::transaction transaction(sql_);
      std::string statements = kMigrations.at(static_cast<std::size_t>(version));
      for (std::size_t end = statements.find(';'); end != std::string::npos; end = statements.find(';')) {
        sql_ << statements.substr(0, end);
        statements.erase(0, end + 1);
      }
      const int next = version + 1;
      sql_ << "INSERT INTO schema_version (version) VALUES (:version)", soci::use(next);
      transaction.commit();
    }
  }

  template <typename Value>
  std::vector<RequestRow> read_rows(const std::string& where, const Value& value) {
    std::vector<RequestRow> list;
    const soci::rowset<std::string> bodies = (sql_.prepare << "SELECT body FROM requests " + where, soci::use(value));
    for (const std::string& body : bodies) list.push_back(row_from(Json::parse(body)));
    return list;
  }

  std::string path_;
  Lock lock_;
  soci::session sql_;
};

}  // namespace

fs::path database_file(const Secret& url) { return path_of(url); }

std::unique_ptr<State> open_state(const Secret& url) {
  const std::string path = path_of(url);
  std::error_code failed;
  make_private_folders(fs::path(path).parent_path(), failed);
  return std::make_unique<SqlState>(path);
}

void check_state(const Secret& url) {
  const std::string path = path_of(url);
  if (fs::exists(path) && !Lock(path).take()) return;  // by the bot that runs
  open_state(url)->transaction([] {});
}

}  // namespace p2p::bot
