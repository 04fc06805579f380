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

/// A file that is written under a random name and then renamed atomically: other processes never see a partial file under the target's
/// name, even with several writers. The destructor removes a file that was not put in place. A killed process leaves it as
/// .prompt2pic-*.tmp. All functions throw FileError, which names the target. Not thread-safe; any number may share a folder.
class TemporaryFile {
 public:
  /// Creates the file beside `target`, with the permissions `mode` minus the umask.
  explicit TemporaryFile(std::filesystem::path target, mode_t mode = 0666);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  /// Whether a file name has the form that this class generates.
  static bool is_name(const std::filesystem::path& file);

  /// Appends.
  void write(std::string_view bytes);
  /// Flushes the file to the disk.
  void sync();
  /// Creates or replaces the target.
  void replace();
  /// Creates the target. Returns false and changes nothing if the name is taken.
  bool create();

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;  ///< empty once it is in place
  int fd_ = -1;
};

}  // namespace p2p
