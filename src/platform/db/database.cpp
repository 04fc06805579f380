#include "platform/db/database.hpp"

#include <fcntl.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/private_folder.hpp"

namespace p2p::db {

namespace fs = std::filesystem;

/// Two processes with one database would each answer everything.
class Database::Lock {
 public:
  explicit Lock(const fs::path& database, std::string_view setting = "P2P_DATABASE_URL")
      : file_(open((database.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (file_ < 0)
      throw UsageError("the database's folder " + database.parent_path().string() + " cannot be written; set " + std::string(setting) +
                       (setting == "P2P_DATA_DIR" ? "" : " or P2P_DATA_DIR"));
  }
  ~Lock() { close(file_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  bool take() const { return flock(file_, LOCK_EX | LOCK_NB) == 0; }

 private:
  int file_;
};

namespace {

/// SQLite gives the files beside the database the permissions that the database has.
void make_private(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file >= 0) close(file);  // else SQLite says why not
  for (const char* end : {"", "-wal", "-shm", "-journal"}) {
    struct stat status{};
    if (stat((path + end).c_str(), &status) == 0 && (status.st_mode & 077u) != 0)
      chmod((path + end).c_str(), 0600);  // of an earlier version
  }
}

}  // namespace

fs::path file_of(const Secret& url) {
  constexpr std::string_view kScheme = "sqlite:///";
  const std::string& text = url.expose();
  if (text.starts_with("postgresql://"))
    throw UsageError("P2P_DATABASE_URL: PostgreSQL is not supported by this version; use sqlite:///PATH");
  if (!text.starts_with(kScheme) || text.size() == kScheme.size()) throw UsageError("P2P_DATABASE_URL takes sqlite:///PATH");
  // sqlite:///data/x.db and sqlite:////data/x.db both mean /data/x.db: a service has no working folder of its own.
  const std::string path = text.substr(kScheme.size());
  return path.starts_with('/') ? path : "/" + path;
}

Database::Database(const Secret& url, std::span<const char* const> migrations, std::string_view setting) : path_(file_of(url)) {
  std::error_code failed;
  make_private_folders(path_.parent_path(), failed);  // else the lock says so
  lock_ = std::make_unique<Lock>(path_, setting);
  if (!lock_->take())
    throw UsageError("the database " + path_.string() + " is in use by another process; each needs one of its own, set " +
                     std::string(setting));
  make_private(path_);
  guard([&] {
    sql_ = std::make_unique<soci::session>(soci::sqlite3, "dbname=\"" + path_.string() + "\" timeout=5");
    *sql_ << "PRAGMA journal_mode=WAL";
    *sql_ << "PRAGMA synchronous=FULL";  // a commit survives a power cut
    migrate(migrations, setting);
  });
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
  try {
    work();
  } catch (const soci::soci_error& error) {
    throw DatabaseError("the database " + path_.string() + ": " + error.what());
  }
}

void Database::migrate(std::span<const char* const> migrations, std::string_view setting) {
  soci::session& sql = *sql_;
  sql << "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)";
  int version = 0;
  sql << "SELECT COALESCE(MAX(version), 0) FROM schema_version", soci::into(version);
  const int newest = static_cast<int>(migrations.size());
  if (version > newest) {
    throw UsageError("the database " + path_.string() + " has version " + std::to_string(version) + ", and this program supports up to " +
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

bool Database::is_in_use(const Secret& url) {
  const fs::path path = file_of(url);
  return fs::exists(path) && !Lock(path).take();
}

}  // namespace p2p::db
