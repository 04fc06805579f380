#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string_view>

#include "base/error.hpp"

namespace p2p {

/// A file could not be written.
class FileError : public Error {
 public:
  FileError(const std::filesystem::path& file, int code);
  int code() const { return code_; }  ///< an errno

 private:
  int code_;
};

/// A file that is written under a random name of its own and then put in place in one step: what other processes see under the target's
/// name is a whole file, whoever else writes it. Removed when destroyed without that. A process that is killed leaves it as
/// .prompt2pic-*.tmp. All functions throw FileError, which names the target. Not thread-safe; any number may share a folder.
class TemporaryFile {
 public:
  /// Creates it beside `target`, with the permissions `mode` less the umask.
  explicit TemporaryFile(std::filesystem::path target, mode_t mode = 0666);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  /// Whether a file's name is one that this class makes.
  static bool is_name(const std::filesystem::path& file);

  /// Appends.
  void write(std::string_view bytes);
  /// Waits until all of it is on the disk.
  void sync();
  /// Replaces the target, or creates it.
  void replace();
  /// Creates the target. False, and nothing changed, where something has that name already.
  bool create();

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;  ///< empty once it is in place
  int fd_ = -1;
};

}  // namespace p2p
