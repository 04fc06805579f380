#include "platform/bus/embedded/store_file.hpp"

#include "platform/bus/embedded/sqlite.hpp"

namespace p2p::bus::embedded {
namespace {

/// "P2Pb", as in the first migration.
constexpr std::int64_t kApplicationId = 0x50325062;

}  // namespace

// `id` of a record: the partition's id * 2^40 + offset, so that each partition is a range of one B-tree. `newest` never decreases within a
// partition, even if the clock was set back, so that a time can be looked up by bisection, without an index.
const std::array<const char*, 1> kMigrations{
    "PRAGMA application_id = 1345474658;"
    "CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, log TEXT NOT NULL, retention_ms INTEGER NOT NULL);"
    "CREATE TABLE partitions (id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, number INTEGER NOT NULL, first INTEGER NOT NULL,"
    " UNIQUE (topic, number));"
    "CREATE TABLE records (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, newest INTEGER NOT NULL, key BLOB NOT NULL,"
    " headers BLOB NOT NULL, value BLOB NOT NULL);"
    "CREATE TABLE committed (member_group TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,"
    " PRIMARY KEY (member_group, partition)) WITHOUT ROWID;"};

Secret url_of_bus(const std::filesystem::path& file) {
  const auto path = std::filesystem::absolute(file);
  std::error_code missing;
  if (const auto size = std::filesystem::file_size(path, missing); !missing && size > 0) {
    const Connection connection(path, std::chrono::seconds(5));
    try {
      const bool is_empty = number_of(connection, "SELECT COUNT(*) FROM sqlite_master WHERE name <> 'schema_version'") == 0;
      if (!is_empty && number_of(connection, "PRAGMA application_id") != kApplicationId)
        throw UsageError(path.string() + " is the database of something else; set P2P_DATA_DIR to a folder of its own");
    } catch (const db::DatabaseError& error) {
      if (connection.is_damaged()) throw UsageError(error.what());
      throw;
    }
  }
  return Secret("sqlite:///" + path.string());
}

}  // namespace p2p::bus::embedded
