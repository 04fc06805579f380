#include "platform/hub/part_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/error.hpp"

namespace p2p::hub {

PartFile::PartFile(const std::filesystem::path& path, const RemoteFile& file)
    : path_(path), file_(file), descriptor_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644)), digest_(file) {
  if (descriptor_.get() < 0) fail("written");
  std::vector<char> buffer(1u << 20);
  for (;;) {
    const ssize_t count = read(descriptor_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("read");
    if (count == 0) break;
    digest_.add({buffer.data(), static_cast<std::size_t>(count)});
    size_ += static_cast<std::uint64_t>(count);
  }
  if (size_ > file_.size) restart();  // left over from a pull of another commit
}

void PartFile::fail(const std::string& doing) const { throw Error(path_.string() + " cannot be " + doing + ": " + std::strerror(errno)); }

void PartFile::append(std::string_view bytes) {
  digest_.add(bytes);
  size_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t count = write(descriptor_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("written");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void PartFile::restart() {
  if (ftruncate(descriptor_.get(), 0) != 0 || lseek(descriptor_.get(), 0, SEEK_SET) != 0) fail("emptied");
  size_ = 0;
  digest_ = Digest(file_);
}

bool PartFile::is_right() {
  if (size_ != file_.size || digest_.finish() != digest_.expected()) return false;
  if (fsync(descriptor_.get()) != 0) fail("written");
  return true;
}

}  // namespace p2p::hub
