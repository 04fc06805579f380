#include "services/requests/ended_requests.hpp"

#include <gmock/gmock.h>

namespace p2p::requests {
namespace {

using std::chrono::hours;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(EndedRequests, ForgetsOldestOfOwnerWithTooMany) {
  EndedRequests ended({.all = 100, .per_owner = 2, .age = hours(24)});
  const Time start = now();
  for (const char* id : {"a", "b", "c", "d"}) ended.add("one", id, start);
  ended.add("two", "x", start);
  EXPECT_THAT(ended.take_surplus(start), ElementsAre("a", "b"));
  EXPECT_THAT(ended.take_surplus(start), IsEmpty());
}

TEST(EndedRequests, ForgetsOldestOfLargestOwnerWhenTooManyInTotal) {
  EndedRequests ended({.all = 3, .per_owner = 100, .age = hours(24)});
  const Time start = now();
  ended.add("two", "x", start);
  for (const char* id : {"a", "b", "c", "d"}) ended.add("one", id, start);
  EXPECT_THAT(ended.take_surplus(start), ElementsAre("a", "b"));
}

TEST(EndedRequests, ForgetsOldRequests) {
  EndedRequests ended({.all = 100, .per_owner = 100, .age = hours(24)});
  const Time start = now();
  ended.add("one", "a", start);
  ended.add("one", "b", start + hours(2));
  EXPECT_THAT(ended.take_surplus(start + hours(25)), ElementsAre("a"));
  EXPECT_THAT(ended.take_surplus(start + hours(27)), ElementsAre("b"));
}

}  // namespace
}  // namespace p2p::requests
