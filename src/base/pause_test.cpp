#include "base/pause.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace p2p {
namespace {

TEST(Pause, EndsWithItsTimeOrWithAStop) {
  std::stop_source stop;
  EXPECT_TRUE(pause(std::chrono::milliseconds(1), stop.get_token()));
  const std::jthread other([&] { stop.request_stop(); });
  EXPECT_FALSE(pause(std::chrono::hours(1), stop.get_token()));
}

}  // namespace
}  // namespace p2p
