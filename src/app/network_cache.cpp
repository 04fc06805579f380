#include "app/network_cache.hpp"

#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/temporary_file.hpp"
#include "platform/blob/signature.hpp"

namespace p2p::app {
namespace {

namespace fs = std::filesystem;

class Sha256 {
 public:
  static constexpr std::size_t kSize = 32;

  Sha256() { check(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr)); }
  void add(std::string_view bytes) { check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size())); }
  std::string finish() {
    std::string digest(kSize, '\0');
    check(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr));
    return digest;
  }

 private:
  static void check(int done) {
    if (done != 1) throw Error("sha256 is not available");
  }

  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

/// The checksum of `bytes` saved under `name`.
std::string seal_of(const std::string& name, std::string_view bytes) {
  Sha256 sum;
  sum.add(name);
  sum.add(bytes);
  return sum.finish();
}

/// Runs `use`; false if it throws.
template <typename Use>
bool attempt(Use use) {
  try {
    use();
    return true;
  } catch (const std::exception& error) {
    log::debug("the cache of compiled networks cannot be used", {{"error", error.what()}});
    return false;
  }
}

/// Whether this user, and nobody else, can write to the folder.
bool is_private(const fs::path& folder) {
  struct stat about{};
  return lstat(folder.c_str(), &about) == 0 && S_ISDIR(about.st_mode) && about.st_uid == geteuid() &&
         (about.st_mode & (S_IWGRP | S_IWOTH)) == 0 && access(folder.c_str(), W_OK) == 0;
}

/// Removes the oldest networks beyond `most` bytes in total, and temporary files of killed processes.
void tidy(const fs::path& folder, std::uintmax_t most) {
  using FileClock = fs::file_time_type::clock;
  struct File {
    fs::path path;
    fs::file_time_type time;
    std::uintmax_t size;
  };
  std::vector<File> files;
  std::error_code gone;  // another process may be removing files too
  for (const auto& entry : fs::directory_iterator(folder)) {
    const bool left = TemporaryFile::is_name(entry.path()) && entry.last_write_time(gone) < FileClock::now() - std::chrono::hours(1);
    if (left) fs::remove(entry.path(), gone);
    if (entry.path().extension() != ".blob" || !entry.is_regular_file(gone)) continue;
    const File file{entry.path(), entry.last_write_time(gone), entry.file_size(gone)};
    if (!gone) files.push_back(file);
  }
  std::ranges::sort(files, std::greater<>{}, &File::time);
  std::uintmax_t size = 0;
  for (const File& file : files) {
    size += file.size;
    if (size > most) fs::remove(file.path, gone);
  }
}

}  // namespace

std::shared_ptr<NetworkCache> NetworkCache::open(const fs::path& folder, std::uintmax_t most) {
  if (folder.empty()) return nullptr;
  const bool usable = attempt([&] {
    if (folder.has_parent_path()) fs::create_directories(folder.parent_path());
    ::mkdir(folder.c_str(), S_IRWXU);
    if (!is_private(folder)) throw Error(folder.string() + " is not this user's own, or cannot be written to");
    tidy(folder, most);
  });
  return usable ? std::shared_ptr<NetworkCache>(new NetworkCache(folder, most)) : nullptr;
}

std::string NetworkCache::name_of(const std::function<void(const Sink&)>& write) {
  std::string name;
  attempt([&] {
    Sha256 sum;
    write([&](std::string_view bytes) { sum.add(bytes); });
    name = blob::to_hex(sum.finish());
  });
  return name;
}

bool NetworkCache::load(const std::string& name, const std::function<void(const std::shared_ptr<std::string>& bytes)>& read) {
  bool found = false;
  attempt([&] {
    std::ifstream in(file(name), std::ios::binary | std::ios::ate);
    if (!in) return;
    const auto bytes = std::make_shared<std::string>();
    bytes->resize_and_overwrite(static_cast<std::size_t>(in.tellg()), [&](char* to, std::size_t size) {
      return static_cast<std::size_t>(in.seekg(0).read(to, static_cast<std::streamsize>(size)).gcount());
    });
    const std::size_t size = bytes->size() - std::min(bytes->size(), Sha256::kSize);
    const std::string seal = bytes->substr(size);
    bytes->resize(size);
    if (seal_of(name, *bytes) != seal) throw Error(file(name).string() + " is damaged");
    read(bytes);
    found = true;
  });
  return found;
}

void NetworkCache::save(const std::string& name, const std::function<std::string()>& bytes) {
  if (name.empty()) return;
  attempt([&] {
    const std::string content = bytes();
    if (content.size() > most_) return;
    TemporaryFile temporary(file(name));
    temporary.write(content);
    temporary.write(seal_of(name, content));
    temporary.replace();
  });
}

fs::path networks_folder(const std::string& setting) {
  if (setting == "off") return {};
  if (!setting.empty()) return setting;
  const auto variable = [](const char* name) {
    const char* const value = std::getenv(name);
    return value ? std::string(value) : std::string();
  };
  const std::string caches = variable("XDG_CACHE_HOME");
  const std::string home = variable("HOME");
  if (caches.starts_with('/')) return fs::path(caches) / "prompt2pic" / "networks";
  return home.starts_with('/') ? fs::path(home) / ".cache" / "prompt2pic" / "networks" : fs::path();
}

}  // namespace p2p::app
