#include "app/output_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/error.hpp"

namespace p2p::app {
namespace {

namespace fs = std::filesystem;

/// A new file beside `target`, gone again unless it takes the target's place.
class TemporaryFile {
 public:
  explicit TemporaryFile(fs::path target) : target_(std::move(target)) {
    path_ = target_.parent_path() / (".prompt2pic-" + std::to_string(::getpid()) + ".tmp");
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd_ < 0) fail(errno);
  }
  ~TemporaryFile() {
    ::close(fd_);
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno != EINTR) fail(errno);
      bytes = bytes.subspan(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
  }
  void take_place() {
    if (::fsync(fd_) != 0 || ::rename(path_.c_str(), target_.c_str()) != 0) fail(errno);
    path_.clear();
  }

 private:
  [[noreturn]] void fail(int code) const { throw Error(target_.string() + " cannot be written: " + std::strerror(code)); }

  fs::path target_;
  fs::path path_;
  int fd_ = -1;
};

fs::path numbered(const fs::path& file, int number) {
  return file.parent_path() / (file.stem().string() + "-" + std::to_string(number) + ".png");
}

std::vector<fs::path> numbered_files(const fs::path& file, int count) {
  if (count == 1) return {file};
  std::vector<fs::path> files;
  for (int i = 1; i <= count; ++i) files.push_back(numbered(file, i));
  return files;
}

fs::path checked_name(const std::string& output) {
  fs::path file(output);
  if (output == "-") throw UsageError("pictures go to files: name one, such as --output fox.png");
  std::error_code unusable;  // which is looked at below, once for each file
  if (!file.has_filename() || fs::is_directory(file, unusable)) throw UsageError("--output " + output + " is a folder; name a file in it");
  if (!file.has_extension()) file += ".png";
  std::string extension = file.extension().string();
  for (char& c : extension) c = static_cast<char>(c | 0x20);
  if (extension != ".png") throw UsageError("pictures are PNG files: name it " + file.replace_extension(".png").string());
  return file;
}

}  // namespace

std::vector<fs::path> output_files(const std::string& output, std::uint64_t seed, int count) {
  std::vector<fs::path> files;
  if (output.empty()) {
    const std::string base = "prompt2pic-" + std::to_string(seed);
    const auto taken = [](const fs::path& file) { return fs::exists(fs::symlink_status(file)); };
    for (int i = 1; files.empty() || std::ranges::any_of(files, taken); ++i) {
      files = numbered_files(base + (i == 1 ? "" : "_" + std::to_string(i)) + ".png", count);
    }
  } else {
    files = numbered_files(checked_name(output), count);
  }
  const fs::path folder = files.front().has_parent_path() ? files.front().parent_path() : ".";
  if (!fs::is_directory(folder)) throw UsageError("the folder " + folder.string() + " for the pictures does not exist");
  for (fs::path& file : files) {
    std::error_code problem;
    const fs::file_status status = fs::status(file, problem);
    if (problem && status.type() != fs::file_type::not_found) throw Error(file.string() + " cannot be written: " + problem.message());
    if (fs::exists(status) && !fs::is_regular_file(status)) throw UsageError(file.string() + " exists and is no file that can be replaced");
    if (fs::exists(status)) file = fs::is_symlink(file) ? fs::canonical(file) : file;
    TemporaryFile try_it(file);
  }
  return files;
}

void write_file(const fs::path& path, std::span<const std::uint8_t> bytes) {
  TemporaryFile file(path);
  file.write(bytes);
  file.take_place();
}

}  // namespace p2p::app
