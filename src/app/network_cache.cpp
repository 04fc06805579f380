#include "app/network_cache.hpp"

#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

#include "app/output_files.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "engine/graph/compiled_networks.hpp"
#include "platform/blob/signature.hpp"

namespace p2p::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSums = "sums";

/// The sha256 of the file's bytes in lower-case hex; empty where it cannot be read.
std::string digest_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (!in || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) return "";
  std::vector<char> part(1u << 20);
  while (in.read(part.data(), static_cast<std::streamsize>(part.size())) || in.gcount() > 0)
    EVP_DigestUpdate(context.get(), part.data(), static_cast<std::size_t>(in.gcount()));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1) return "";
  return blob::to_hex(std::string(digest.begin(), digest.begin() + size));
}

std::vector<fs::directory_entry> blobs_in(const fs::path& folder) {
  std::vector<fs::directory_entry> blobs;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    if (entry.is_regular_file(failed) && entry.path().extension() == ".blob") blobs.push_back(entry);
  }
  return blobs;
}

}  // namespace

NetworkCache::NetworkCache(fs::path folder, std::uintmax_t most) : folder_(std::move(folder)) {
  if (folder_.empty() || !open()) {
    folder_.clear();
    return;
  }
  tidy(most);
  engine::keep_networks_in(folder_);
}

bool NetworkCache::open() const {
  std::error_code failed;
  if (fs::create_directories(folder_, failed)) fs::permissions(folder_, fs::perms::owner_all, failed);
  if (failed) return false;
  struct stat about{};
  return lstat(folder_.c_str(), &about) == 0 && S_ISDIR(about.st_mode) && about.st_uid == geteuid() &&
         (about.st_mode & (S_IWGRP | S_IWOTH)) == 0 && access(folder_.c_str(), W_OK) == 0;
}

NetworkCache::Sums NetworkCache::read_sums() const {
  Sums sums;
  std::ifstream in(folder_ / kSums);
  for (std::string digest, name; in >> digest >> name;) sums[name] = digest;
  return sums;
}

void NetworkCache::tidy(std::uintmax_t most) const {
  const Sums sums = read_sums();
  auto blobs = blobs_in(folder_);
  std::ranges::sort(blobs, std::greater<>{}, [](const fs::directory_entry& blob) {
    std::error_code gone;
    return blob.last_write_time(gone);
  });
  std::uintmax_t size = 0;
  for (const fs::directory_entry& blob : blobs) {
    std::error_code gone;
    size += blob.file_size(gone);
    const auto sum = sums.find(blob.path().filename().string());
    if (size > most || sum == sums.end() || digest_of(blob.path()) != sum->second) fs::remove(blob.path(), gone);
  }
}

void NetworkCache::seal() const {
  if (folder_.empty()) return;
  Sums sums = read_sums();
  std::ostringstream text;
  for (const fs::directory_entry& blob : blobs_in(folder_)) {
    const std::string name = blob.path().filename().string();
    std::string& sum = sums[name];
    if (sum.empty()) sum = digest_of(blob.path());
    if (!sum.empty()) text << sum << "  " << name << '\n';
  }
  try {
    const std::string bytes = text.str();
    write_file(folder_ / kSums, std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
  } catch (const Error& error) {
    log::debug("compiled networks are not kept", {{"error", error.what()}});
  }
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
