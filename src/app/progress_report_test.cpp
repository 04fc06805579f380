#include "app/progress_report.hpp"

#include <gtest/gtest.h>

namespace p2p::app {
namespace {

TEST(ProgressBar, ShowsStepsAndTimeLeft) {
  EXPECT_EQ(bar_text(0, 0, 20, 0), "[------------------------] 0/20");
  EXPECT_EQ(bar_text(0.25, 8, 20, 1), "[######------------------] 8/20  ETA 0:03");
  EXPECT_EQ(bar_text(0.5, 2, 12, 605), "[############------------] 2/12  ETA 10:05");
  EXPECT_EQ(bar_text(1, 1, 1, 9), "[########################] 1/1");
}

}  // namespace
}  // namespace p2p::app
