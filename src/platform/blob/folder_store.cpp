#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/random_id.hpp"
#include "platform/blob/blob_store.hpp"
#include "platform/blob/keys.hpp"
#include "platform/blob/signature.hpp"

namespace p2p::blob {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& doing, const fs::path& path, int error) {
  const bool may_pass = error == ENOSPC || error == EDQUOT || error == EIO || error == EMFILE || error == ENFILE || error == EAGAIN;
  throw BlobError(may_pass ? BlobError::Kind::unavailable : BlobError::Kind::refused,
                  path.string() + " cannot be " + doing + ": " + std::strerror(error));
}

class File {
 public:
  File(const fs::path& path, int flags) : descriptor_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool is_open() const { return descriptor_ >= 0; }
  bool write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  bool sync() const { return fsync(descriptor_) == 0; }

 private:
  int descriptor_;
};

std::string signature_of(const Secret& link_key, std::string_view key, std::string_view expires) {
  return to_hex(hmac(link_key.expose(), std::string(key) + "\n" + std::string(expires)));
}

class FolderStore : public BlobStore {
 public:
  explicit FolderStore(FolderConfig config) : config_(std::move(config)), root_(config_.folder) {
    std::error_code failed;
    fs::create_directories(root_, failed);
    if (failed)
      throw UsageError("the folder " + root_.string() + " for pictures cannot be made: " + failed.message() + "; set P2P_DATA_DIR");
  }

  void put(const std::string& key, std::string_view bytes, std::string_view) override {
    const fs::path path = place(key);
    std::error_code failed;
    fs::create_directories(path.parent_path(), failed);
    if (failed) fail("made", path.parent_path(), failed.value());
    // Whole or not at all, also after a power cut: written beside, synced, then renamed.
    const fs::path fresh = path.string() + "." + random_hex(4) + ".tmp";
    try {
      const File file(fresh, O_WRONLY | O_CREAT | O_EXCL);
      if (!file.is_open() || !file.write(bytes) || !file.sync()) fail("written", fresh, errno);
      fs::rename(fresh, path, failed);
      if (failed) fail("written", path, failed.value());
      File(path.parent_path(), O_RDONLY | O_DIRECTORY).sync();
    } catch (const BlobError&) {
      fs::remove(fresh, failed);
      throw;
    }
  }

  std::string get(const std::string& key) override {
    const fs::path path = place(key);
    std::ifstream in(path, std::ios::binary);
    if (!in) {
      if (errno == ENOENT) throw BlobError(BlobError::Kind::missing, "there is no object " + key);
      fail("read", path, errno);
    }
    return {std::istreambuf_iterator<char>(in), {}};
  }

  void remove(const std::string& key) override {
    std::error_code failed;
    fs::remove(place(key), failed);
    if (failed) fail("deleted", key, failed.value());
  }

  std::optional<std::string> link(const std::string& key, Time expires) const override {
    if (!is_public_host(config_.public_url)) return std::nullopt;
    check_key(key);
    const std::string at = std::to_string(to_millis(expires) / 1000);
    return config_.public_url + "/pictures/" + key + "?expires=" + at + "&signature=" + signature_of(config_.link_key, key, at);
  }

  std::chrono::seconds longest_link() const override { return std::chrono::days(366); }

  void remove_before(std::chrono::sys_days day) override {
    std::error_code failed;
    std::vector<fs::path> old;
    for (auto entry = fs::recursive_directory_iterator(root_, failed); !failed && entry != fs::recursive_directory_iterator();
         entry.increment(failed)) {
      const auto its_day = day_of(entry->path().lexically_relative(root_).generic_string());
      if (its_day && *its_day < day && entry.depth() == 3) old.push_back(entry->path());
    }
    for (const fs::path& folder : old) {
      fs::remove_all(folder, failed);
      if (failed) fail("deleted", folder, failed.value());
    }
  }

 private:
  fs::path place(const std::string& key) const {
    check_key(key);
    return root_ / key;
  }

  FolderConfig config_;
  fs::path root_;
};

}  // namespace

std::unique_ptr<BlobStore> folder_store(const FolderConfig& config) { return std::make_unique<FolderStore>(config); }

bool link_is_valid(const Secret& link_key, std::string_view key, std::string_view expires, std::string_view signature, Time at) {
  if (!same_secret(signature_of(link_key, key, expires), signature)) return false;
  return to_millis(at) / 1000 < std::strtoll(std::string(expires).c_str(), nullptr, 10);
}

}  // namespace p2p::blob
