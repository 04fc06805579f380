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

/// A service's own SQL database, through SOCI.
namespace p2p::db {

/// The database cannot be read or written at the moment: locked, full, missing. Nothing of the transaction was kept.
class DatabaseError : public Error {
 public:
  using Error::Error;
};

/// The file of a URL sqlite:///PATH. Throws UsageError for another kind.
std::filesystem::path file_of(const Secret& url);

/// An open SQLite database, which belongs to this process alone as long as the object lives. Its files can be read by this user alone. Not
/// thread-safe.
class Database {
 public:
  /// Opens or creates the database and brings its schema up to date: version n is what the first n migrations make. A migration is SQL,
  /// statements that end with semicolons; each runs in one transaction. Throws UsageError: another kind of URL, a database in use, one of a
  /// newer version; DatabaseError. `setting`: where the user can choose another file, for error messages.
  Database(const Secret& url, std::span<const char* const> migrations, std::string_view setting = "P2P_DATABASE_URL");
  ~Database();

  /// Whether another Database, of this process or another, has it open.
  static bool is_in_use(const Secret& url);

  /// Runs `work` and keeps all of it or nothing. Throws DatabaseError, and what `work` throws.
  void transaction(const std::function<void()>& work);

  soci::session& sql() { return *sql_; }

 private:
  class Lock;

  void guard(const std::function<void()>& work) const;
  void migrate(std::span<const char* const> migrations, std::string_view setting);

  std::filesystem::path path_;
  std::unique_ptr<Lock> lock_;
  std::unique_ptr<soci::session> sql_;
};

}  // namespace p2p::db
