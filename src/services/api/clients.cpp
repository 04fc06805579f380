#include "services/api/clients.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "platform/blob/signature.hpp"

namespace p2p::api {
namespace {

constexpr std::size_t kShortest = 16;
constexpr const char* kWanted =
    "P2P_API_KEYS takes comma-separated keys, each at least 16 visible characters of ASCII, such as `openssl rand -hex 24` prints";

std::string digest(std::string_view key) { return blob::to_hex(blob::hmac("prompt2pic api client", key)); }

}  // namespace

Clients::Clients(const Secret& keys) {
  const std::string_view list = keys.expose();
  if (list.empty()) return;
  for (std::size_t from = 0; from <= list.size();) {
    const std::size_t end = std::min(list.find(',', from), list.size());
    std::string_view key = list.substr(from, end - from);
    while (key.starts_with(' ')) key.remove_prefix(1);
    while (key.ends_with(' ') || key.ends_with('\n')) key.remove_suffix(1);
    from = end + 1;
    if (key.size() < kShortest || !std::ranges::all_of(key, [](char c) { return c > ' ' && c < 127; })) throw UsageError(kWanted);
    const std::string hash = digest(key);
    if (!names_.emplace(hash, "key-" + hash.substr(0, 12)).second) throw UsageError("P2P_API_KEYS has the same key twice");
  }
}

std::optional<std::string> Clients::find(std::string_view authorization) const {
  constexpr std::string_view kScheme = "bearer ";
  if (!ask_for_key()) return "local";
  if (to_lower(authorization.substr(0, kScheme.size())) != kScheme) return std::nullopt;
  const auto found = names_.find(digest(authorization.substr(kScheme.size())));
  if (found == names_.end()) return std::nullopt;
  return found->second;
}

}  // namespace p2p::api
