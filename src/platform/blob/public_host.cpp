#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "platform/blob/blob_store.hpp"
#include "platform/http/public_address.hpp"

namespace p2p::blob {
bool is_public_host(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == url.npos) return false;
  std::string host(url.substr(scheme + 3));
  host.erase(std::min(host.find_first_of("/?#"), host.size()));
  host.erase(0, host.rfind('@') == host.npos ? 0 : host.rfind('@') + 1);
  host = to_lower(host);
  if (host.starts_with('[')) return http::is_public_address(host.substr(1, host.find(']') - 1));
  host.erase(std::min(host.find(':'), host.size()));
  if (host.ends_with('.')) host.pop_back();
  if (http::is_public_address(host)) return true;
  constexpr std::array<std::string_view, 6> kInside{".local", ".localhost", ".internal", ".localdomain", ".lan", ".home.arpa"};
  // A name whose last label is a number is an IP address in an unusual form.
  const std::size_t dot = host.rfind('.');
  return dot != host.npos && dot > 0 && dot + 1 < host.size() && host.find_first_not_of("0123456789", dot + 1) != host.npos &&
         std::ranges::none_of(kInside, [&](std::string_view end) { return host.ends_with(end); });
}

}  // namespace p2p::blob
