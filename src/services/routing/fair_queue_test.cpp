#include "services/routing/fair_queue.hpp"

#include <gmock/gmock.h>

namespace p2p::routing {
namespace {

const auto kAny = [](const std::string&) { return true; };

Waiting of(const std::string& id, const std::string& user, const std::string& model = "m") { return {id, user, model, {}}; }

std::string serve(FairQueue& queue) {
  const auto* const entry = queue.first(kAny, kAny);
  return entry ? queue.take(entry->request.id, true)->request.id : "";
}

TEST(FairQueue, DistinctUsersAreServedAsTheyCame) {
  FairQueue queue;
  for (const char* id : {"a", "b", "c"}) queue.add(of(id, id));
  EXPECT_EQ(serve(queue), "a");
  queue.add(of("d", "d"));
  EXPECT_EQ(serve(queue), "b");
  EXPECT_EQ(serve(queue), "c");
  EXPECT_EQ(serve(queue), "d");
  EXPECT_EQ(serve(queue), "");
}

TEST(FairQueue, ABurstDelaysAnotherUserByOneRequest) {
  FairQueue queue;
  for (int i = 0; i < 50; ++i) queue.add(of("burst" + std::to_string(i), "u"));
  EXPECT_EQ(serve(queue), "burst0");
  queue.add(of("single", "v"));
  EXPECT_EQ(serve(queue), "single");
  EXPECT_EQ(serve(queue), "burst1");
}

TEST(FairQueue, WhoWasJustServedComesAfterAnother) {
  FairQueue queue;
  queue.add(of("u0", "u"));
  EXPECT_EQ(serve(queue), "u0");
  queue.add(of("u1", "u"));
  queue.add(of("v0", "v"));
  EXPECT_EQ(serve(queue), "v0");
}

TEST(FairQueue, IdleTimeEarnsNothing) {
  FairQueue queue;
  for (int i = 0; i < 10; ++i) {
    queue.add(of("u" + std::to_string(i), "u"));
    serve(queue);
  }
  for (int i = 0; i < 3; ++i) queue.add(of("v" + std::to_string(i), "v"));
  queue.add(of("u", "u"));
  EXPECT_EQ(serve(queue), "v0");
  EXPECT_THAT((std::vector{serve(queue), serve(queue)}), ::testing::UnorderedElementsAre("v1", "u"));
}

TEST(FairQueue, NewUsersWithoutEndKeepNobodyBack) {
  FairQueue queue;
  for (int i = 0; i < 10; ++i) queue.add(of("first" + std::to_string(i), std::to_string(i)));
  queue.add(of("second", "0"));
  int before = 0;
  for (std::string id = serve(queue); id != "second"; id = serve(queue)) {
    ASSERT_LE(++before, 25);
    queue.add(of("new" + std::to_string(before), "n" + std::to_string(before)));
  }
  EXPECT_GE(before, 10);
}

TEST(FairQueue, PutBackKeepsItsRank) {
  FairQueue queue;
  queue.add(of("a", "a"));
  queue.add(of("b", "b"));
  auto entry = queue.take("a", true);
  queue.put_back(std::move(*entry));
  EXPECT_EQ(serve(queue), "a");
}

TEST(FairQueue, FiltersByModelAndUser) {
  FairQueue queue;
  queue.add(of("a", "u", "x"));
  queue.add(of("b", "v", "y"));
  EXPECT_EQ(queue.first([](const std::string& model) { return model == "y"; }, kAny)->request.id, "b");
  EXPECT_EQ(queue.first(kAny, [](const std::string& user) { return user != "u"; })->request.id, "b");
  EXPECT_EQ(queue.first(kAny, [](const std::string&) { return false; }), nullptr);
  EXPECT_EQ(queue.count_of("u"), 1);
  EXPECT_TRUE(queue.take("a", false));
  EXPECT_FALSE(queue.take("a", false));
  EXPECT_EQ(queue.count_of("u"), 0);
  EXPECT_FALSE(queue.has("x"));
}

}  // namespace
}  // namespace p2p::routing
