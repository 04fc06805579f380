#include "platform/blob/keys.hpp"

#include <algorithm>

#include "base/clock.hpp"
#include "platform/blob/blob_store.hpp"

namespace p2p::blob {

bool is_key(std::string_view key) {
  constexpr std::size_t kMaxKey = 512;
  bool good = !key.empty() && key.size() <= kMaxKey;
  for (std::size_t from = 0; good && from <= key.size();) {
    const std::size_t end = std::min(key.find('/', from), key.size());
    const std::string_view name = key.substr(from, end - from);
    good = !name.empty() && name != "." && name != "..";
    for (const char c : name) {
      good &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    }
    from = end + 1;
  }
  return good;
}

void check_key(std::string_view key) {
  if (!is_key(key)) throw BlobError(BlobError::Kind::refused, "an object's key that is no plain path was refused");
}

std::optional<std::chrono::sys_days> day_of(std::string_view path) {
  constexpr std::string_view kForm = "YYYY/MM/DD";
  const auto* const folder = std::ranges::find_if(kDatedFolders, [&](std::string_view each) { return path.starts_with(each); });
  if (folder == kDatedFolders.end()) return std::nullopt;
  std::string date(path.substr(folder->size(), kForm.size()));
  if (date.size() != kForm.size() || date[4] != '/' || date[7] != '/') return std::nullopt;
  date[4] = date[7] = '-';
  const auto time = parse_time(date + "T00:00:00Z");
  if (!time) return std::nullopt;
  return std::chrono::floor<std::chrono::days>(*time);
}

}  // namespace p2p::blob
