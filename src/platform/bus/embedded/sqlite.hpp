#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "platform/db/database.hpp"

/// Owners for SQLite's handles. SQLite's own interface is used here in place of SOCI: keys and values are bytes, which SOCI binds as text
/// and copies; reading stops at a number of bytes; and statements that run thousands of times per second are prepared once.
namespace p2p::bus::embedded {

/// Bytes to bind as a BLOB. They must live until the statement ends.
struct Bytes {
  std::string_view data;
};

class Connection {
 public:
  /// Opens an existing file. Waits up to `patience` for locks that another process holds. Throws db::DatabaseError.
  Connection(const std::filesystem::path& file, std::chrono::milliseconds patience) {
    sqlite3* raw = nullptr;
    const int result = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    handle_.reset(raw);
    if (result != SQLITE_OK) fail();
    sqlite3_busy_timeout(raw, static_cast<int>(patience.count()));
  }

  sqlite3* get() const { return handle_.get(); }
  /// Throws the connection's last error.
  [[noreturn]] void fail() const {
    if (!handle_) throw db::DatabaseError("SQLite is out of memory");
    const char* const file = sqlite3_db_filename(handle_.get(), "main");
    throw db::DatabaseError("the database " + std::string(file ? file : "") + ": " + sqlite3_errmsg(handle_.get()) +
                            (is_damaged() ? "; move the file away, then a new one is created: the requests in it are lost" : ""));
  }
  /// Whether the last error says that the file is damaged or no database.
  bool is_damaged() const {
    const int code = sqlite3_errcode(handle_.get());
    return code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
  }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

/// A prepared statement. Not thread-safe, like its connection, which must outlive it. All functions throw db::DatabaseError.
class Statement {
 public:
  Statement(const Connection& connection, std::string_view sql) : connection_(connection) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v3(connection.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw, nullptr) !=
        SQLITE_OK)
      connection.fail();
    handle_.reset(raw);
  }

  /// One execution, which ends with this object.
  class Rows {
   public:
    explicit Rows(const Statement& statement) : statement_(statement) {}
    ~Rows() { sqlite3_reset(statement_.handle_.get()); }
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;

    /// Moves to the next row; false at the end.
    bool next() {
      const int result = sqlite3_step(statement_.handle_.get());
      if (result != SQLITE_ROW && result != SQLITE_DONE) statement_.connection_.fail();
      return result == SQLITE_ROW;
    }
    std::int64_t integer(int column) const { return sqlite3_column_int64(statement_.handle_.get(), column); }
    /// A BLOB or a text. Valid until the next row.
    std::string_view bytes(int column) const {
      const auto* const data = static_cast<const char*>(sqlite3_column_blob(statement_.handle_.get(), column));
      return {data ? data : "", static_cast<std::size_t>(sqlite3_column_bytes(statement_.handle_.get(), column))};
    }

   private:
    const Statement& statement_;
  };

  template <typename... Values>
  Rows start(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
    return Rows(*this);
  }
  template <typename... Values>
  void run(const Values&... values) {
    auto rows = start(values...);
    while (rows.next()) {
    }
  }

 private:
  void bind(int index, std::int64_t value) { check(sqlite3_bind_int64(handle_.get(), index, value)); }
  void bind(int index, Bytes value) {
    check(sqlite3_bind_blob64(handle_.get(), index, value.data.data(), value.data.size(), SQLITE_STATIC));
  }
  void bind(int index, std::string_view value) {
    check(sqlite3_bind_text64(handle_.get(), index, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8));
  }
  void check(int result) const {
    if (result != SQLITE_OK) connection_.fail();
  }

  struct Finalize {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };
  const Connection& connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

/// The number that the query gives. Throws db::DatabaseError.
inline std::int64_t number_of(const Connection& connection, std::string_view query) {
  Statement statement(connection, query);
  auto rows = statement.start();
  return rows.next() ? rows.integer(0) : 0;
}

}  // namespace p2p::bus::embedded
