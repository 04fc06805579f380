#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "base/private_folder.hpp"
#include "base/temporary_file.hpp"
#include "platform/blob/blob_store.hpp"
#include "platform/blob/content.hpp"
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

void sync_folder(const fs::path& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

std::string signature_of(const Secret& link_key, std::string_view key, std::string_view expires) {
  return to_hex(hmac(link_key.expose(), std::string(key) + "\n" + std::string(expires)));
}

class FolderStore : public BlobStore {
 public:
  explicit FolderStore(FolderConfig config) : config_(std::move(config)), root_(config_.folder) {
    std::error_code failed;
    make_private_folders(root_, failed);
    if (failed)
      throw UsageError("the folder " + root_.string() + " for pictures cannot be created: " + failed.message() + "; set P2P_DATA_DIR");
  }

  void put(const std::string& key, std::string_view bytes, std::string_view) override {
    const fs::path path = place(key);
    std::error_code failed;
    fs::create_directories(path.parent_path(), failed);
    if (failed) fail("made", path.parent_path(), failed.value());
    // Atomic, even across a power failure.
    try {
      TemporaryFile file(path, 0600);
      file.write(bytes);
      file.sync();
      file.replace();
    } catch (const FileError& error) {
      fail("written", path, error.code());
    }
    sync_folder(path.parent_path());
  }

  std::string get(const std::string& key) override { return read(key, 0, std::numeric_limits<std::size_t>::max()).bytes; }

  Part read(const std::string& key, std::size_t offset, std::size_t size) override {
    const fs::path path = place(key);
    std::ifstream in(path, std::ios::binary | std::ios::ate);
    if (!in) {
      if (errno == ENOENT) throw BlobError(BlobError::Kind::missing, "there is no object " + key);
      fail("read", path, errno);
    }
    Part part{.bytes = {}, .total = static_cast<std::size_t>(in.tellg())};
    part.bytes.resize(std::min(size, part.total - std::min(offset, part.total)));
    in.seekg(static_cast<std::streamoff>(offset));
    if (!in.read(part.bytes.data(), static_cast<std::streamsize>(part.bytes.size()))) fail("read", path, errno);
    check_part(key, part.bytes, offset, part.total);
    return part;
  }

  void remove(const std::string& key) override {
    std::error_code failed;
    fs::remove(place(key), failed);
    if (failed) fail("deleted", key, failed.value());
  }

  std::optional<std::string> link(const std::string& key, Time expires) const override {
    if (!is_public_host(config_.public_url)) return std::nullopt;
    check_key(key);
    return config_.public_url + link_path(config_.link_key, key, expires);
  }

  std::chrono::seconds longest_link() const override { return std::chrono::days(366); }

  void remove_before(std::chrono::sys_days day) override {
    for (const std::string_view folder : kDatedFolders) remove_before(day, root_ / folder);
  }

 private:
  void remove_before(std::chrono::sys_days day, const fs::path& folder) const {
    std::error_code failed;
    std::vector<fs::path> old;
    if (!fs::exists(folder)) return;
    // Entries of other programs may be unreadable; that must not stop the clean-up.
    const auto options = fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator entry(folder, options, failed), end; !failed && entry != end; entry.increment(failed)) {
      const auto its_day = day_of(entry->path().lexically_relative(root_).generic_string());
      if (its_day && *its_day < day && entry.depth() == 2) old.push_back(entry->path());
    }
    if (failed) fail("listed", folder, failed.value());
    for (const fs::path& its_folder : old) {
      fs::remove_all(its_folder, failed);
      if (failed) fail("deleted", its_folder, failed.value());
    }
  }

  fs::path place(const std::string& key) const {
    check_key(key);
    return root_ / key;
  }

  FolderConfig config_;
  fs::path root_;
};

}  // namespace

std::unique_ptr<BlobStore> folder_store(const FolderConfig& config) { return std::make_unique<FolderStore>(config); }

std::string link_path(const Secret& link_key, const std::string& key, Time expires) {
  const std::string at = std::to_string(to_millis(expires) / 1000);
  return "/pictures/" + key + "?expires=" + at + "&signature=" + signature_of(link_key, key, at);
}

bool link_is_valid(const Secret& link_key, std::string_view key, std::string_view expires, std::string_view signature, Time at) {
  if (!same_secret(signature_of(link_key, key, expires), signature)) return false;
  return to_millis(at) / 1000 < std::strtoll(std::string(expires).c_str(), nullptr, 10);
}

}  // namespace p2p::blob
