#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include "platform/db/database.hpp"

namespace p2p::db {
namespace {

/// Of libpq, in front of those of the URL, which override them: the end of a connection is noticed within 20 s.
constexpr std::string_view kConnection =
    "connect_timeout=5&keepalives_idle=5&keepalives_interval=3&keepalives_count=3&tcp_user_timeout=15000&application_name=prompt2pic";

/// Of the server: it gives up on a client that is suspended or unreachable, so that its locks become free.
constexpr const char* kSession[] = {"SET tcp_keepalives_idle = 5", "SET tcp_keepalives_interval = 3", "SET tcp_keepalives_count = 3",
                                    "SET statement_timeout = '10s'", "SET idle_in_transaction_session_timeout = '15s'"};
constexpr const char* kHolder = "SET idle_session_timeout = '15s'";

std::string with_options(const std::string& url) {
  const std::size_t options = url.find('?');
  if (options == std::string::npos) return url + "?" + std::string(kConnection);
  return url.substr(0, options + 1) + std::string(kConnection) + "&" + url.substr(options + 1);
}

PGconn* connection_of(soci::session& sql) { return static_cast<soci::postgresql_session_backend*>(sql.get_backend())->conn_; }

/// Without line breaks, which libpq puts at the end.
std::string text_of(const std::exception& error) {
  std::string text = error.what();
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

}  // namespace

bool is_postgres(const Secret& url) { return url.expose().starts_with("postgresql://") || url.expose().starts_with("postgres://"); }

std::unique_ptr<soci::session> connect_postgres(const Secret& url) {
  try {
    auto sql = std::make_unique<soci::session>(soci::postgresql, with_options(url.expose()));
    for (const char* const statement : kSession) *sql << statement;
    return sql;
  } catch (const soci::soci_error& error) {
    throw ConnectionLost("PostgreSQL cannot be reached (P2P_DATABASE_URL): " + text_of(error));
  }
}

void guard_postgres(soci::session& sql, const std::function<void()>& work) {
  try {
    work();
  } catch (const soci::soci_error& error) {
    if (PQstatus(connection_of(sql)) != CONNECTION_OK) throw ConnectionLost("the connection to PostgreSQL is lost: " + text_of(error));
    throw DatabaseError("PostgreSQL: " + text_of(error));
  }
}

void Database::open_server(const Secret& url) {
  is_server_ = true;
  sql_ = connect_postgres(url);
  name_ = PQdb(connection_of(*sql_));
  guard([&] {
    // Bots with schemas of their own may share a database.
    int taken = 0;
    *sql_ << "SELECT CAST(pg_try_advisory_lock(hashtextextended('prompt2pic.' || current_schema(), 0)) AS INTEGER)", soci::into(taken);
    if (taken == 0) throw InUse("the database " + name_ + " belongs to another process at the moment");
    *sql_ << kHolder;
  });
}

}  // namespace p2p::db
