#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "platform/blob/blob_store.hpp"

namespace p2p::blob {
namespace {

struct Block {
  std::uint32_t address;
  int bits;
};

// Addresses that are not reached from outside: RFC 6890 and its followers.
constexpr std::array<Block, 9> kPrivate{{{0x00000000, 8},
                                         {0x0a000000, 8},
                                         {0x64400000, 10},
                                         {0x7f000000, 8},
                                         {0xa9fe0000, 16},
                                         {0xac100000, 12},
                                         {0xc0a80000, 16},
                                         {0xe0000000, 4},
                                         {0xf0000000, 4}}};

bool is_public(std::uint32_t address) {
  return std::ranges::none_of(kPrivate, [&](const Block& block) { return (address ^ block.address) >> (32 - block.bits) == 0; });
}

bool is_public(const in6_addr& address) {
  const auto& bytes = address.s6_addr;
  const bool mapped = IN6_IS_ADDR_V4MAPPED(&address);
  if (mapped)
    return is_public(static_cast<std::uint32_t>(bytes[12]) << 24 | static_cast<std::uint32_t>(bytes[13]) << 16 |
                     static_cast<std::uint32_t>(bytes[14]) << 8 | bytes[15]);
  return (bytes[0] & 0xe0u) == 0x20;  // global unicast, 2000::/3
}

}  // namespace

bool is_public_host(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == url.npos) return false;
  std::string host(url.substr(scheme + 3));
  host.erase(std::min(host.find_first_of("/?#"), host.size()));
  host.erase(0, host.rfind('@') == host.npos ? 0 : host.rfind('@') + 1);
  std::ranges::transform(host, host.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (host.starts_with('[')) {
    in6_addr address{};
    return inet_pton(AF_INET6, host.substr(1, host.find(']') - 1).c_str(), &address) == 1 && is_public(address);
  }
  host.erase(std::min(host.find(':'), host.size()));
  if (host.ends_with('.')) host.pop_back();
  if (in_addr address{}; inet_pton(AF_INET, host.c_str(), &address) == 1) return is_public(ntohl(address.s_addr));
  constexpr std::array<std::string_view, 6> kInside{".local", ".localhost", ".internal", ".localdomain", ".lan", ".home.arpa"};
  // A name whose last part is a number is an address in an unusual form.
  const std::size_t dot = host.rfind('.');
  return dot != host.npos && dot > 0 && dot + 1 < host.size() && host.find_first_not_of("0123456789", dot + 1) != host.npos &&
         std::ranges::none_of(kInside, [&](std::string_view end) { return host.ends_with(end); });
}

}  // namespace p2p::blob
