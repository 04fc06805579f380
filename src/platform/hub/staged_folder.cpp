#include "platform/hub/staged_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace p2p::hub {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const std::string& doing, int error) {
  throw Error(path.string() + " cannot be " + doing + ": " + std::strerror(error));
}

/// Opens or creates the folder and locks it. Throws UsageError if another process has locked it.
int locked(const fs::path& path, const std::string& name) {
  for (;;) {
    if (mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) fail(path, "created", errno);
    const int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT) continue;
    if (descriptor < 0) fail(path, "opened", errno);
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      close(descriptor);
      if (error != EWOULDBLOCK) fail(path, "locked", error);
      throw UsageError("another prompt2pic is pulling " + name + " into " + path.parent_path().string() + " now; wait for it");
    }
    struct stat held{};
    struct stat named{};
    if (fstat(descriptor, &held) == 0 && stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino) return descriptor;
    close(descriptor);  // another process has renamed or removed it meanwhile
  }
}

void sync(const fs::path& path) {
  const Descriptor descriptor(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (descriptor.get() < 0 || fsync(descriptor.get()) != 0) fail(path, "written", errno);
}

std::string megabytes(std::uint64_t bytes) { return std::to_string((bytes + 999'999) / 1'000'000) + " MB"; }

}  // namespace

StagedFolder::StagedFolder(const fs::path& parent, const std::string& name)
    : path_(parent / ("." + name + ".part")), final_(parent / name), descriptor_(locked(path_, name)) {}

void StagedFolder::check_space(std::uint64_t bytes) const {
  std::uint64_t here = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path_)) here += entry.is_regular_file() ? entry.file_size() : 0;
  struct statvfs disk{};
  if (fstatvfs(descriptor_.get(), &disk) != 0) fail(path_, "measured", errno);
  const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  const std::uint64_t needed = bytes - std::min(bytes, here);
  if (needed > free)
    throw Error(final_.parent_path().string() + " has " + megabytes(free) + " free, and " + megabytes(needed) + " are needed");
}

void StagedFolder::finish() {
  for (const auto& entry : fs::recursive_directory_iterator(path_)) sync(entry.path());
  sync(path_);
  // Unlike rename(), this does not replace an empty folder.
  if (renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, final_.c_str(), RENAME_NOREPLACE) != 0) fail(final_, "created", errno);
  sync(fs::canonical(final_.parent_path()));
}

void StagedFolder::finish_file(const std::string& name, const std::string& as) {
  const fs::path file = path_ / name;
  const fs::path target = final_.parent_path() / as;
  sync(file);
  if (renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) != 0) fail(target, "created", errno);
  fs::remove_all(path_);
  sync(fs::canonical(target.parent_path()));
}

}  // namespace p2p::hub
