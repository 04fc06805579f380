#include <fcntl.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/private_folder.hpp"
#include "platform/db/file_lock.hpp"

namespace p2p::db {

namespace fs = std::filesystem;

Database::FileLock::FileLock(const fs::path& database, std::string_view setting)
    : file_(open((database.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (file_ < 0)
    throw UsageError("the database's folder " + database.parent_path().string() + " cannot be written; set " + std::string(setting) +
                     (setting == "P2P_DATA_DIR" ? "" : " or P2P_DATA_DIR"));
}
Database::FileLock::~FileLock() { close(file_); }
bool Database::FileLock::take() const { return flock(file_, LOCK_EX | LOCK_NB) == 0; }

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
  if (!text.starts_with(kScheme) || text.size() == kScheme.size())
    throw UsageError("P2P_DATABASE_URL takes sqlite:///PATH or postgresql://USER@HOST/DATABASE");
  // sqlite:///data/x.db and sqlite:////data/x.db both mean /data/x.db: a service has no working folder of its own.
  const std::string path = text.substr(kScheme.size());
  return path.starts_with('/') ? path : "/" + path;
}

void Database::open_file(const Secret& url, std::string_view setting) {
  const fs::path path = file_of(url);
  name_ = path.string();
  std::error_code failed;
  make_private_folders(path.parent_path(), failed);  // else the lock says so
  lock_ = std::make_unique<FileLock>(path, setting);
  if (!lock_->take())
    throw UsageError("the database " + name_ + " is in use by another process; each needs one of its own, set " + std::string(setting));
  make_private(path);
  guard([&] {
    sql_ = std::make_unique<soci::session>(soci::sqlite3, "dbname=\"" + name_ + "\" timeout=5");
    *sql_ << "PRAGMA journal_mode=WAL";
    *sql_ << "PRAGMA synchronous=FULL";  // a commit survives a power cut
  });
}

bool Database::is_in_use(const Secret& url) {
  const fs::path path = file_of(url);
  return fs::exists(path) && !FileLock(path).take();
}

}  // namespace p2p::db
