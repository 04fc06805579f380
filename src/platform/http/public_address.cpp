#include "platform/http/public_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace p2p::http {
namespace {

struct Block {
  std::uint32_t address;
  int bits;
};

// Non-public addresses: RFC 6890 and its successors.
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
  const auto version_4 = [&](std::size_t at) {
    return static_cast<std::uint32_t>(bytes[at]) << 24 | static_cast<std::uint32_t>(bytes[at + 1]) << 16 |
           static_cast<std::uint32_t>(bytes[at + 2]) << 8 | bytes[at + 3];
  };
  constexpr std::array<std::uint8_t, 12> kNat64{0, 0x64, 0xff, 0x9b};
  if (IN6_IS_ADDR_V4MAPPED(&address) || std::equal(kNat64.begin(), kNat64.end(), bytes)) return is_public(version_4(12));
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return is_public(version_4(2));  // 6to4
  return (bytes[0] & 0xe0u) == 0x20;                                         // global unicast, 2000::/3
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in known{};
    std::memcpy(&known, &address, sizeof known);
    return is_public(ntohl(known.sin_addr.s_addr));
  }
  sockaddr_in6 known{};
  if (address.sa_family != AF_INET6) return false;
  std::memcpy(&known, &address, sizeof known);
  return is_public(known.sin6_addr);
}

bool is_public_address(const std::string& address) {
  if (in_addr known{}; inet_pton(AF_INET, address.c_str(), &known) == 1) return is_public(ntohl(known.s_addr));
  in6_addr known{};
  return inet_pton(AF_INET6, address.c_str(), &known) == 1 && is_public(known);
}

}  // namespace p2p::http
