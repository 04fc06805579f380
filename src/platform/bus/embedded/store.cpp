#include "platform/bus/embedded/store.hpp"

#include <algorithm>

#include "base/json.hpp"
#include "base/random_id.hpp"
#include "platform/bus/embedded/store_file.hpp"

namespace p2p::bus::embedded {
namespace {

constexpr int kOffsetBits = 40;
constexpr std::chrono::milliseconds kPatience{100};  // then the call fails, and the caller tries again
constexpr std::uintmax_t kMaxWal = 64u << 20u;
constexpr std::int64_t kRemoveBatch = 300;
constexpr std::int64_t kShrinkBatch = 256;

std::int64_t id_of(std::int64_t partition, std::int64_t offset) { return (partition << kOffsetBits) + offset; }
std::int64_t offset_of(std::int64_t id) { return id & ((std::int64_t{1} << kOffsetBits) - 1); }

std::string encode(const Headers& headers) {
  std::string bytes;
  if (!headers.empty()) Json::to_cbor(Json(headers), bytes);
  return bytes;
}
Headers decode(std::string_view bytes) {
  if (bytes.empty()) return {};
  try {
    return Json::from_cbor(bytes.begin(), bytes.end()).get<Headers>();
  } catch (const Json::exception&) {
    throw db::DatabaseError("the headers of a record are damaged");
  }
}

}  // namespace

Store::Store(const std::filesystem::path& file)
    : file_(std::filesystem::absolute(file)),
      database_(url_of_bus(file), kMigrations, "P2P_DATA_DIR"),
      writer_(file_, kPatience),
      reader_(file_, kPatience),
      begin_(writer_, "BEGIN IMMEDIATE"),
      commit_(writer_, "COMMIT"),
      rollback_(writer_, "ROLLBACK"),
      insert_(writer_, "INSERT INTO records (id, time, newest, key, headers, value) VALUES (?, ?, ?, ?, ?, ?)"),
      save_committed_(writer_,
                      "INSERT INTO committed (member_group, partition, next) VALUES (?, ?, ?) "
                      "ON CONFLICT DO UPDATE SET next = excluded.next"),
      read_(reader_, "SELECT id, time, key, headers, value FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?"),
      first_from_(reader_, "SELECT id, newest FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT 1") {
  // A commit survives the end of the process, because the WAL is in the kernel's cache then. FULL would make it survive a power failure
  // too, but each transaction would wait for the disk, which a slow one does not do often enough for 1,000 requests per second.
  Statement(writer_, "PRAGMA synchronous = NORMAL").run();
  constexpr std::int64_t kIncremental = 2;
  if (number_of(writer_, "PRAGMA auto_vacuum") == kIncremental) return;
  Statement(writer_, "PRAGMA auto_vacuum = INCREMENTAL").run();
  Statement(writer_, "VACUUM").run();  // the file is new; makes the mode effective
}

template <typename Work>
void Store::transaction(const Work& work) {
  const std::scoped_lock lock(write_mutex_);
  try {
    begin_.run();
    try {
      work();
      commit_.run();
    } catch (...) {
      if (sqlite3_get_autocommit(writer_.get()) == 0) rollback_.run();  // else SQLite has done so
      throw;
    }
    limit_wal();
  } catch (const db::DatabaseError& error) {
    const std::scoped_lock problem_lock(problem_mutex_);
    write_problem_ = error.what();
    throw;
  }
  const std::scoped_lock problem_lock(problem_mutex_);
  write_problem_.clear();
}

/// Writers start the WAL anew when all of it is in the database and nobody reads from it, which constant reading may prevent.
void Store::limit_wal() {
  std::error_code failed;
  const auto size = std::filesystem::file_size(file_.string() + "-wal", failed);
  if (failed || size < kMaxWal) return;
  const std::scoped_lock lock(read_mutex_);
  sqlite3_wal_checkpoint_v2(writer_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);  // tried again after the next write
}

Topics Store::topics() {
  const std::scoped_lock lock(read_mutex_);
  Statement last(reader_, "SELECT id, newest FROM records WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1");
  Statement all(
      reader_,
      "SELECT name, log, retention_ms, partitions.id, first FROM topics JOIN partitions ON topic = topics.id ORDER BY name, number");
  Topics topics;
  for (auto rows = all.start(); rows.next();) {
    Topic& topic = topics[std::string(rows.bytes(0))];
    topic.log = rows.bytes(1);
    topic.retention = std::chrono::milliseconds(rows.integer(2));
    Partition partition{.id = rows.integer(3), .first = rows.integer(4)};
    partition.end = partition.first;
    auto newest = last.start(id_of(partition.id, 0), id_of(partition.id + 1, 0));
    if (newest.next()) {
      partition.end = offset_of(newest.integer(0)) + 1;
      partition.newest = from_millis(newest.integer(1));
    }
    topic.partitions.push_back(partition);
  }
  return topics;
}

Committed Store::committed() {
  const std::scoped_lock lock(read_mutex_);
  Statement all(reader_, "SELECT member_group, partition, next FROM committed");
  Committed committed;
  for (auto rows = all.start(); rows.next();) committed[{std::string(rows.bytes(0)), rows.integer(1)}] = rows.integer(2);
  return committed;
}

void Store::extend(Topic& topic, const TopicSpec& spec) {
  Topic result = topic;
  transaction([&] {
    if (result.log.empty()) {
      result.log = random_hex(16);
      result.retention = spec.retention;
      Statement(writer_, "INSERT INTO topics (name, log, retention_ms) VALUES (?, ?, ?)")
          .run(std::string_view(spec.name), std::string_view(result.log), std::int64_t{result.retention.count()});
    }
    Statement add(writer_, "INSERT INTO partitions (topic, number, first) SELECT id, ?, 0 FROM topics WHERE name = ?");
    while (result.partitions.size() < static_cast<std::size_t>(spec.partitions)) {
      add.run(static_cast<std::int64_t>(result.partitions.size()), std::string_view(spec.name));
      result.partitions.push_back({.id = sqlite3_last_insert_rowid(writer_.get())});
    }
  });
  topic = std::move(result);
}

void Store::write(std::span<const NewRecord> records, const Committed& committed) {
  transaction([&] {
    for (const NewRecord& record : records) {
      const Outgoing& message = *record.message;
      const std::string headers = encode(message.headers);
      insert_.run(id_of(record.partition, record.offset), to_millis(record.time), to_millis(record.newest), Bytes{message.key},
                  Bytes{headers}, Bytes{message.value});
    }
    for (const auto& [key, next] : committed) save_committed_.run(std::string_view(key.first), key.second, next);
  });
}

std::int64_t Store::read(std::int64_t partition, const TopicPartition& name, std::int64_t from, std::int64_t to, Room& room,
                         std::vector<Record>& records) {
  const std::scoped_lock lock(read_mutex_);
  try {
    auto rows = read_.start(id_of(partition, from), id_of(partition, to), static_cast<std::int64_t>(room.records));
    while (room.records > 0 && room.bytes > 0) {
      if (!rows.next()) {
        from = to;
        break;
      }
      Record& record = records.emplace_back();
      record = {.topic = name.topic, .partition = name.partition, .offset = offset_of(rows.integer(0))};
      record.timestamp = from_millis(rows.integer(1));
      record.key = rows.bytes(2);
      record.headers = decode(rows.bytes(3));
      record.value = rows.bytes(4);
      from = record.offset + 1;
      --room.records;
      room.bytes -= std::min(room.bytes, record.value.size());
    }
  } catch (const db::DatabaseError& error) {
    const std::scoped_lock problem_lock(problem_mutex_);
    read_problem_ = error.what();
    throw;
  }
  const std::scoped_lock problem_lock(problem_mutex_);
  read_problem_.clear();
  return from;
}

std::int64_t Store::offset_at(const Partition& partition, Time time) {
  const std::scoped_lock lock(read_mutex_);
  std::int64_t low = partition.first;
  std::int64_t high = partition.end;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    auto rows = first_from_.start(id_of(partition.id, middle), id_of(partition.id, high));
    if (!rows.next() || from_millis(rows.integer(1)) >= time) {
      high = middle;
    } else {
      low = offset_of(rows.integer(0)) + 1;
    }
  }
  return low;
}

std::int64_t Store::remove_before(const Partition& partition, Time cutoff) {
  std::int64_t first = partition.first;
  transaction([&] {
    Statement oldest(writer_, "SELECT id, time FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?");
    const Time latest = now() + std::chrono::hours(1);  // later ones were written while the clock was wrong, and would stay forever
    const auto is_old = [&](Time time) { return time < cutoff || time > latest; };
    auto rows = oldest.start(id_of(partition.id, first), id_of(partition.id, partition.end), kRemoveBatch);
    while (rows.next() && is_old(from_millis(rows.integer(1)))) first = offset_of(rows.integer(0)) + 1;
    if (first == partition.first) return;
    Statement(writer_, "DELETE FROM records WHERE id >= ? AND id < ?").run(id_of(partition.id, 0), id_of(partition.id, first));
    Statement(writer_, "UPDATE partitions SET first = ? WHERE id = ?").run(first, partition.id);
  });
  return first;
}

bool Store::shrink() {
  const std::scoped_lock lock(write_mutex_);
  // The next records will use some of them.
  const auto unused = [&] {
    return number_of(writer_, "PRAGMA freelist_count") - number_of(writer_, "PRAGMA page_count") / 4 - kShrinkBatch;
  };
  if (unused() <= 0) return false;
  Statement(writer_, "PRAGMA incremental_vacuum(" + std::to_string(kShrinkBatch) + ")").run();
  return unused() > 0;
}

std::string Store::problem() const {
  const std::scoped_lock lock(problem_mutex_);
  return write_problem_.empty() ? read_problem_ : write_problem_;
}

}  // namespace p2p::bus::embedded
