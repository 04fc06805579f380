#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "platform/bus/bus.hpp"
#include "platform/bus/embedded/catalogue.hpp"
#include "platform/bus/embedded/sqlite.hpp"
#include "platform/db/database.hpp"

namespace p2p::bus::embedded {

/// A record to be stored. `message` must live until then.
struct NewRecord {
  std::int64_t partition;  ///< Partition::id
  std::int64_t offset;
  Time time;
  Time newest;  ///< the latest timestamp of the partition, including this record
  const Outgoing* message;
};

/// By group and Partition::id: the next offset to process.
using Committed = std::map<std::pair<std::string, std::int64_t>, std::int64_t>;

/// The file: topics, records, committed offsets. One connection writes, the other reads. Thread-safe. Functions throw db::DatabaseError,
/// and then nothing of the call was stored.
class Store {
 public:
  /// Throws UsageError if the file is in use by another process, damaged, or something else than a bus.
  explicit Store(const std::filesystem::path& file);

  Topics topics();
  Committed committed();

  /// Adds what `topic` lacks compared with `spec`: the topic itself, partitions.
  void extend(Topic& topic, const TopicSpec& spec);
  /// Stores all in one transaction.
  void write(std::span<const NewRecord> records, const Committed& committed);

  /// How much read() may still add.
  struct Room {
    std::size_t records;
    std::size_t bytes;
  };
  /// Appends the records in [from, to) to `records` until `room` is used up. Returns the offset to continue at.
  std::int64_t read(std::int64_t partition, const TopicPartition& name, std::int64_t from, std::int64_t to, Room& room,
                    std::vector<Record>& records);
  /// The offset of the first record from this time on; the end offset if there is none.
  std::int64_t offset_at(const Partition& partition, Time time);

  /// Deletes up to a few hundred records from the partition's start that are older than `cutoff`. Returns its new first offset.
  std::int64_t remove_before(const Partition& partition, Time cutoff);
  /// Returns some unused pages to the file system, if the file has many. Whether it has more.
  bool shrink();

  /// The error of the last read or write; empty if it worked.
  std::string problem() const;

 private:
  template <typename Work>
  void transaction(const Work& work);
  void limit_wal();

  std::filesystem::path file_;
  db::Database database_;  ///< holds the lock; its connection brings the schema up to date
  mutable std::mutex problem_mutex_;
  std::string write_problem_;
  std::string read_problem_;
  // Locked in this order.
  std::mutex write_mutex_;
  std::mutex read_mutex_;
  Connection writer_;
  Connection reader_;
  Statement begin_, commit_, rollback_, insert_, save_committed_;
  Statement read_, first_from_;
};

}  // namespace p2p::bus::embedded
