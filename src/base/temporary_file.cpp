#include "base/temporary_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/random_id.hpp"

namespace p2p {
namespace {

constexpr std::string_view kPrefix = ".prompt2pic-";
constexpr std::string_view kSuffix = ".tmp";

}  // namespace

FileError::FileError(const std::filesystem::path& file, int code)
    : Error(file.string() + " cannot be written: " + std::strerror(code)), code_(code) {}

TemporaryFile::TemporaryFile(std::filesystem::path target, mode_t mode) : target_(std::move(target)) {
  do {  // process ids are not unique: each container counts from 1
    path_ = target_.parent_path() / (std::string(kPrefix) + random_hex(8) + std::string(kSuffix));
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  } while (fd_ < 0 && errno == EEXIST);
  if (fd_ < 0) throw FileError(target_, errno);
}

TemporaryFile::~TemporaryFile() {
  ::close(fd_);
  if (!path_.empty()) ::unlink(path_.c_str());
}

bool TemporaryFile::is_name(const std::filesystem::path& file) {
  const std::string name = file.filename().string();
  return name.starts_with(kPrefix) && name.ends_with(kSuffix);
}

void TemporaryFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw FileError(target_, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void TemporaryFile::sync() {
  if (::fsync(fd_) != 0) throw FileError(target_, errno);
}

void TemporaryFile::replace() {
  if (::rename(path_.c_str(), target_.c_str()) != 0) throw FileError(target_, errno);
  path_.clear();
}

bool TemporaryFile::create() {
  if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE) == 0) {
    path_.clear();
    return true;
  }
  if (errno == EEXIST) return false;
  // Network file systems and FUSE may not support that call. Reserve the name with an empty file instead.
  const int reserved = ::open(target_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (reserved < 0 && errno == EEXIST) return false;
  if (reserved < 0) throw FileError(target_, errno);
  ::close(reserved);
  try {
    replace();
  } catch (const FileError&) {
    ::unlink(target_.c_str());
    throw;
  }
  return true;
}

}  // namespace p2p
