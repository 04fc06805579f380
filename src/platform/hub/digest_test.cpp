#include "platform/hub/digest.hpp"

#include <gtest/gtest.h>

namespace p2p::hub {
namespace {

TEST(HubDigest, EqualsGitBlobOrSha256) {
  // printf 'hello\n' | git hash-object --stdin; printf 'hello\n' | sha256sum
  const RemoteFile blob{.path = "a", .size = 6, .git_blob = "ce013625030ba8dba906f756967f9e9ca394464a"};
  const RemoteFile lfs{.path = "a",
                       .size = 6,
                       .sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
                       .git_blob = "0000000000000000000000000000000000000000"};
  for (const RemoteFile& file : {blob, lfs}) {
    Digest digest(file);
    digest.add("hel");
    digest.add("lo\n");
    EXPECT_EQ(digest.finish(), digest.expected());
    digest = Digest(file);
    digest.add("hello");
    EXPECT_NE(digest.finish(), digest.expected());
  }
}

}  // namespace
}  // namespace p2p::hub
