#include "app/progress_report.hpp"

#include <gtest/gtest.h>

namespace p2p::app {
namespace {

TEST(ProgressBar, ShowsStepsAndTimeLeft) {
  EXPECT_EQ(bar_text(0, 20, 0), "[------------------------] 0/20");
  EXPECT_EQ(bar_text(5, 20, 1), "[######------------------] 5/20  ETA 0:03");
  EXPECT_EQ(bar_text(10, 20, 605), "[############------------] 10/20  ETA 10:05");
  EXPECT_EQ(bar_text(20, 20, 9), "[########################] 20/20");
  EXPECT_EQ(bar_text(0, 0, 0), "[------------------------] 0/0");
}

}  // namespace
}  // namespace p2p::app
