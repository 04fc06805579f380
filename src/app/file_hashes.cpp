#include "app/file_hashes.hpp"

#include <openssl/evp.h>
#include <sys/resource.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <memory>
#include <vector>

#include "base/json.hpp"
#include "base/temporary_file.hpp"

namespace p2p::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostCached = 1000;
constexpr std::size_t kMostCacheBytes = std::size_t{1} << 20;
constexpr std::size_t kBlock = std::size_t{4} << 20;

/// How the cache knows a file in its present state.
std::string cache_key(const fs::path& file, HashedPart part) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  const auto time = error ? fs::file_time_type() : fs::last_write_time(file, error);
  if (error) return "";
  return std::string(part == HashedPart::all ? "all" : "tensors") + " " + std::to_string(size) + " " +
         std::to_string(time.time_since_epoch().count()) + " " + fs::absolute(file, error).string();
}

Json read_cache(const fs::path& cache) try {
  Json known = fs::exists(cache) ? read_json(cache, kMostCacheBytes) : Json::object();
  return known.is_object() && known.size() < kMostCached ? known : Json::object();
} catch (const std::exception&) {
  return Json::object();
}

void remember(const fs::path& cache, const std::string& key, const std::string& hash) try {
  Json known = read_cache(cache);
  known[key] = hash;
  TemporaryFile file(cache);
  file.write(json_line(known));
  file.replace();
} catch (const std::exception&) {
  // It is computed again the next time.
}

std::optional<std::string> compute(const fs::path& file, HashedPart part, const std::stop_token& stop) {
  std::ifstream stream(file, std::ios::binary);
  if (part == HashedPart::tensors) {
    std::array<unsigned char, 8> length{};
    stream.read(reinterpret_cast<char*>(length.data()), length.size());
    std::uint64_t header = 0;
    for (std::size_t i = length.size(); i-- > 0;) header = header << 8u | length[i];
    constexpr std::uint64_t kMostHeader = 100'000'000;
    if (!stream || header > kMostHeader) return {};
    stream.seekg(static_cast<std::streamoff>(header + length.size()));
  }
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (!stream || !context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) return {};
  std::vector<char> block(kBlock);
  while (stream) {
    if (stop.stop_requested()) return {};
    stream.read(block.data(), static_cast<std::streamsize>(block.size()));
    if (stream.bad() || EVP_DigestUpdate(context.get(), block.data(), static_cast<std::size_t>(stream.gcount())) != 1) return {};
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1) return {};
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    hex += kDigits[digest[i] >> 4u];
    hex += kDigits[digest[i] & 15u];
  }
  return hex;
}

}  // namespace

std::optional<std::string> file_hash(const fs::path& file, HashedPart part, const fs::path& cache, const std::stop_token& stop) {
  const std::string key = cache_key(file, part);
  if (key.empty()) return {};
  if (!cache.empty()) {
    const Json known = read_cache(cache);
    if (const auto found = known.find(key); found != known.end() && found->is_string()) return found->get<std::string>();
  }
  auto hash = compute(file, part, stop);
  if (hash && !cache.empty() && cache_key(file, part) == key) remember(cache, key, *hash);
  return hash;
}

BackgroundHash::BackgroundHash(const fs::path& file, HashedPart part, const fs::path& cache)
    : thread_([this, file, part, cache](const std::stop_token& stop) {
        constexpr int kLast = 19;
        setpriority(PRIO_PROCESS, 0, kLast);  // on Linux of this thread alone: drawing goes first
        auto hash = file_hash(file, part, cache, stop);
        const std::lock_guard lock(mutex_);
        hash_ = std::move(hash);
      }) {}

std::optional<std::string> BackgroundHash::get() const {
  const std::lock_guard lock(mutex_);
  return hash_;
}

}  // namespace p2p::app
