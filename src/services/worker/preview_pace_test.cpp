#include "services/worker/preview_pace.hpp"

#include <gtest/gtest.h>

namespace p2p::worker {
namespace {

using std::chrono::milliseconds;

class PreviewPaceTest : public ::testing::Test {
 protected:
  bool is_due(int ms, double fraction = 0.5) const { return pace.is_due(start + milliseconds(ms), fraction); }

  const PreviewPace::TimePoint start{std::chrono::hours(5)};
  PreviewPace pace{{.first = milliseconds(1000), .between = milliseconds(1500), .left = milliseconds(500), .share = 20}, start};
};

TEST_F(PreviewPaceTest, StartsOnceDrawingTakesLong) {
  EXPECT_FALSE(is_due(999));
  EXPECT_TRUE(is_due(1000));
  EXPECT_FALSE(is_due(1000, 0));
}

TEST_F(PreviewPaceTest, KeepsDistance) {
  pace.made(start + milliseconds(1000), start + milliseconds(1010));
  EXPECT_FALSE(is_due(2509));
  EXPECT_TRUE(is_due(2510));
}

TEST_F(PreviewPaceTest, TakesSmallPartOfTime) {
  pace.made(start + milliseconds(1000), start + milliseconds(1500));
  EXPECT_FALSE(is_due(11499));
  EXPECT_TRUE(is_due(11500));
}

TEST_F(PreviewPaceTest, LeavesEndToPicture) {
  EXPECT_TRUE(is_due(2000, 0.79)) << "0.53 s are left";
  EXPECT_FALSE(is_due(2000, 0.81));
  EXPECT_FALSE(is_due(100'000, 1));
}

}  // namespace
}  // namespace p2p::worker
