#include "platform/bus/commit_queue.hpp"

#include <gtest/gtest.h>

namespace p2p::bus {
namespace {

TEST(CommitQueue, AdvancesPastLongestDoneRun) {
  CommitQueue queue;
  for (const int offset : {5, 6, 9, 10}) queue.taken(offset);
  EXPECT_EQ(queue.done(6), std::nullopt);
  EXPECT_EQ(queue.done(5), 7);
  EXPECT_EQ(queue.done(10), std::nullopt);
  EXPECT_EQ(queue.done(9), 11);
}

TEST(CommitQueue, IgnoresUnknownOffsets) {
  CommitQueue queue;
  EXPECT_EQ(queue.done(1), std::nullopt);
  queue.taken(3);
  queue.taken(3);
  queue.taken(2);
  EXPECT_EQ(queue.done(2), std::nullopt);
  EXPECT_EQ(queue.done(3), 4);
  EXPECT_EQ(queue.done(3), std::nullopt);
}

}  // namespace
}  // namespace p2p::bus
