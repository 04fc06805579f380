#include "platform/http/public_address.hpp"

#include <gtest/gtest.h>
#include <netdb.h>

namespace p2p::http {
namespace {

/// Checks the address as text and as a sockaddr.
bool is_public(const char* text) {
  addrinfo* found = nullptr;
  const addrinfo hints{.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
  EXPECT_EQ(getaddrinfo(text, nullptr, &hints, &found), 0) << text;
  const bool result = is_public_address(*found->ai_addr);
  freeaddrinfo(found);
  EXPECT_EQ(is_public_address(std::string(text)), result) << text;
  return result;
}

TEST(PublicAddress, RecognisesPublicAddresses) {
  for (const char* text :
       {"8.8.8.8", "172.32.0.1", "100.63.0.1", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"})
    EXPECT_TRUE(is_public(text)) << text;
  for (const char* text : {"127.0.0.1",
                           "127.255.255.254",
                           "10.0.0.1",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.0.1",
                           "169.254.169.254",
                           "100.64.0.1",
                           "0.0.0.0",
                           "224.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "fe80::1",
                           "fd00::1",
                           "ff02::1",
                           "::ffff:127.0.0.1",
                           "::ffff:169.254.169.254",
                           "64:ff9b::7f00:1",
                           "2002:7f00:1::1",
                           "::127.0.0.1"})
    EXPECT_FALSE(is_public(text)) << text;
  for (const char* text : {"", "localhost", "8.8.8.8.", "[::1]"}) EXPECT_FALSE(is_public_address(std::string(text))) << text;
  EXPECT_FALSE(is_public_address(sockaddr{.sa_family = AF_UNIX, .sa_data = {}}));
}

}  // namespace
}  // namespace p2p::http
