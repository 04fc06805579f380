#include "base/random_id.hpp"

#include <gtest/gtest.h>

#include <set>

namespace p2p {
namespace {

TEST(RandomId, IsOfVersion7AndNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = new_id();
    EXPECT_TRUE(is_id(id)) << id;
    EXPECT_EQ(id[14], '7');
    EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << id;
    EXPECT_TRUE(seen.insert(id).second);
  }
}

TEST(RandomId, KnowsWhatIsNone) {
  for (const char* wrong : {"", "../../../../../../../../../../etc/pass", "0193-4e2f", "01934E2F-0000-7000-8000-000000000000",
                            "01934e2f00000-7000-8000-000000000000"})
    EXPECT_FALSE(is_id(wrong)) << wrong;
  EXPECT_EQ(random_hex(16).size(), 32u);
  EXPECT_NE(random_hex(16), random_hex(16));
}

}  // namespace
}  // namespace p2p
