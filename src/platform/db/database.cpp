#include "platform/db/database.hpp"

#include <soci/soci.h>

#include "platform/db/file_lock.hpp"

namespace p2p::db {

Database::Database(const Secret& url, std::span<const char* const> migrations, std::string_view setting) {
  is_postgres(url) ? open_server(url) : open_file(url, setting);
  guard([&] { migrate(migrations, setting); });
}

Database::~Database() = default;

void Database::transaction(const std::function<void()>& work) {
  guard([&] {
    soci::transaction transaction(*sql_);
    work();
    transaction.commit();
  });
}

void Database::guard(const std::function<void()>& work) const {
  if (is_server_) return guard_postgres(*sql_, work);
  try {
    work();
  } catch (const soci::soci_error& error) {
    throw DatabaseError("the database " + name_ + ": " + error.what());
  }
}

void Database::migrate(std::span<const char* const> migrations, std::string_view setting) {
  soci::session& sql = *sql_;
  sql << "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)";
  int version = 0;
  sql << "SELECT COALESCE(MAX(version), 0) FROM schema_version", soci::into(version);
  const int newest = static_cast<int>(migrations.size());
  if (version > newest) {
    throw UsageError("the database " + name_ + " has version " + std::to_string(version) + ", and this program supports up to " +
                     std::to_string(newest) + "; start the newer program, or set " + std::string(setting) + " to use another database");
  }
  for (; version < newest; ++version) {
    soci::transaction transaction(sql);
    std::string statements = migrations[static_cast<std::size_t>(version)];
    for (std::size_t end = statements.find(';'); end != std::string::npos; end = statements.find(';')) {
      sql << statements.substr(0, end);
      statements.erase(0, end + 1);
    }
    const int next = version + 1;
    sql << "INSERT INTO schema_version (version) VALUES (:version)", soci::use(next);
    transaction.commit();
  }
}

}  // namespace p2p::db
