#include "services/api/clients.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "platform/blob/signature.hpp"
#include "platform/messages/base64.hpp"

namespace p2p::api {
namespace {

constexpr std::size_t kShortest = 16;
constexpr const char* kWanted =
    "P2P_API_KEYS takes comma-separated keys, each at least 16 visible characters of ASCII, such as `openssl rand -hex 24` prints";

/// The password of the scheme Basic; empty for others.
std::string basic_password(std::string_view authorization) {
  constexpr std::string_view kScheme = "basic ";
  if (to_lower(authorization.substr(0, kScheme.size())) != kScheme) return "";
  const auto text = messages::from_base64(authorization.substr(kScheme.size()));
  const std::size_t colon = text ? text->find(':') : std::string::npos;
  return colon == std::string::npos ? "" : text->substr(colon + 1);
}

/// web-, 32 hexadecimal digits: what the page invents for a browser.
bool is_browser(std::string_view key) {
  constexpr std::string_view kPrefix = "web-";
  return key.starts_with(kPrefix) && key.size() == kPrefix.size() + 32 &&
         key.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string_view::npos;
}

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
  const bool has_key = to_lower(authorization.substr(0, kScheme.size())) == kScheme;
  const std::string key = has_key ? std::string(authorization.substr(kScheme.size())) : basic_password(authorization);
  if (!ask_for_key()) return is_browser(key) ? "web:" + digest(key).substr(0, 32) : "local";
  const auto found = names_.find(digest(key));
  if (found == names_.end()) return std::nullopt;
  return found->second;
}

}  // namespace p2p::api
