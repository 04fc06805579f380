#pragma once

#include <filesystem>
#include <string_view>

#include "platform/db/database.hpp"

namespace p2p::db {

/// Two processes with one file would each answer everything.
class Database::FileLock {
 public:
  /// Opens the lock's file beside the database. Throws UsageError if the folder cannot be written.
  explicit FileLock(const std::filesystem::path& database, std::string_view setting = "P2P_DATABASE_URL");
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  /// False if another process has it.
  bool take() const;

 private:
  int file_;
};

}  // namespace p2p::db
