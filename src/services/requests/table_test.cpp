#include "services/requests/table.hpp"

#include <gmock/gmock.h>

namespace p2p::requests {
namespace {

using messages::Event;

class TableTest : public ::testing::Test {
 protected:
  const RequestState& add(const std::string& id, const std::string& owner, const std::string& digest = "") {
    return table.add(
        {.request = {.id = id, .time = start, .model = "flat", .prompt = "a fox", .seed = 7}, .owner = owner, .digest = digest});
  }
  Change apply(const std::string& id, Event::What what) {
    return table.apply({.id = id, .time = start, .worker = "w", .dispatch = 1, .what = std::move(what)});
  }

  Time start = now();
  Table table{{.all = 2, .per_owner = 100, .age = std::chrono::hours(24)}};
};

TEST_F(TableTest, CountsUsageOfOwner) {
  add("a", "one");
  add("b", "one");
  add("c", "two");
  EXPECT_EQ(table.unfinished(), 3);
  EXPECT_EQ(table.usage_of("one").waiting, 2);
  EXPECT_EQ(table.usage_of("one").words, 10u);
  apply("a", messages::Started{});
  EXPECT_EQ(table.usage_of("one").waiting, 1);
  EXPECT_EQ(table.usage_of("one").words, 10u) << "it may be handed back";
  apply("a", messages::Failed{});
  apply("b", messages::Cancelled{});
  EXPECT_EQ(table.usage_of("one").waiting, 0);
  EXPECT_EQ(table.usage_of("one").words, 0u);
  EXPECT_EQ(table.all_words(), 5u);
  EXPECT_EQ(table.unfinished(), 1);
  EXPECT_EQ(table.count_of_day("one", start), 2);
  EXPECT_EQ(table.count_of_day("one", start + std::chrono::hours(24)), 0);
}

TEST_F(TableTest, FindsOnlyRequestsOfOwner) {
  add("a", "one");
  EXPECT_NE(table.find("one", "a"), nullptr);
  EXPECT_EQ(table.find("two", "a"), nullptr);
  EXPECT_NE(table.find("a"), nullptr);
}

TEST_F(TableTest, FindsNewestRequestWithBody) {
  add("a", "one", "digest");
  add("b", "one", "digest");
  EXPECT_EQ(table.with_body("one", "digest")->request.id, "b");
  EXPECT_EQ(table.with_body("two", "digest"), nullptr);
}

TEST_F(TableTest, ForgetsOldestEndedRequests) {
  for (const char* id : {"a", "b", "c", "d"}) add(id, "one", id);
  for (const char* id : {"a", "b", "c"}) apply(id, messages::Cancelled{});
  table.forget_old(start);
  EXPECT_EQ(table.find("a"), nullptr);
  EXPECT_EQ(table.with_body("one", "a"), nullptr);
  EXPECT_NE(table.find("b"), nullptr);
  EXPECT_NE(table.find("d"), nullptr) << "it waits";
}

TEST_F(TableTest, AcceptsCancelBeforeRequest) {
  EXPECT_EQ(table.cancel("a"), nullptr);
  EXPECT_TRUE(add("a", "one").cancelling);
  EXPECT_FALSE(add("b", "one").cancelling);
  EXPECT_NE(table.cancel("b"), nullptr);
  EXPECT_EQ(table.cancel("b"), nullptr) << "a second time changes nothing";
}

}  // namespace
}  // namespace p2p::requests
