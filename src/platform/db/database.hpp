#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/secret.hpp"

namespace soci {
class session;
}

/// A service's own SQL database, through SOCI: a file of SQLite, or a database of a PostgreSQL server.
namespace p2p::db {

/// The database cannot be read or written at the moment: locked, full, missing. Nothing of the transaction was kept.
class DatabaseError : public Error {
 public:
  using Error::Error;
};

/// There is no connection to the PostgreSQL server (any more), so the database may belong to another process now. A transaction that was
/// under way may have been kept.
class ConnectionLost : public Error {
 public:
  using Error::Error;
};

/// The PostgreSQL database belongs to another process at the moment.
class InUse : public Error {
 public:
  using Error::Error;
};

/// Whether the URL is of PostgreSQL.
bool is_postgres(const Secret& url);

/// The file of a URL sqlite:///PATH. Throws UsageError for another kind.
std::filesystem::path file_of(const Secret& url);

/// A connection to PostgreSQL that fails within seconds if the server does not answer. Throws ConnectionLost.
std::unique_ptr<soci::session> connect_postgres(const Secret& url);

/// Runs `work` on a connection to PostgreSQL and translates SOCI's errors. Throws DatabaseError, ConnectionLost.
void guard_postgres(soci::session& sql, const std::function<void()>& work);

/// An open database, which belongs to this process alone as long as the object lives. Not thread-safe.
class Database {
 public:
  /// Opens the database and brings its schema up to date: version n is what the first n migrations make. A migration is SQL, statements
  /// that end with semicolons; each runs in one transaction. `setting`: where the user can choose another database, for error messages.
  ///
  /// sqlite:///PATH: creates the file, which only this user can read. Throws UsageError: a database in use, one of a newer version; also
  /// DatabaseError.
  /// postgresql://...: the server takes the database from this process within 20 s when it ends, is suspended or cannot be reached, and
  /// every call throws ConnectionLost from then on. Throws InUse, ConnectionLost, DatabaseError, UsageError for a newer version.
  Database(const Secret& url, std::span<const char* const> migrations, std::string_view setting = "P2P_DATABASE_URL");
  ~Database();

  /// Whether another Database, of this process or another, has the file open.
  static bool is_in_use(const Secret& url);

  /// Runs `work` and keeps all of it or nothing. Throws DatabaseError, ConnectionLost, and what `work` throws.
  void transaction(const std::function<void()>& work);

  soci::session& sql() { return *sql_; }

 private:
  class FileLock;

  void open_file(const Secret& url, std::string_view setting);
  void open_server(const Secret& url);
  void guard(const std::function<void()>& work) const;
  void migrate(std::span<const char* const> migrations, std::string_view setting);

  std::string name_;  ///< for error messages
  bool is_server_ = false;
  std::unique_ptr<FileLock> lock_;
  std::unique_ptr<soci::session> sql_;
};

}  // namespace p2p::db
