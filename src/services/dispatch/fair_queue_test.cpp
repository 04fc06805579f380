#include "services/dispatch/fair_queue.hpp"

#include <gmock/gmock.h>

namespace p2p::dispatch {
namespace {

const auto kAny = [](const std::string&) { return true; };

QueuedRequest of(const std::string& id, const std::string& owner, const std::string& model = "m", double cost = 1) {
  return {.id = id, .owner = owner, .model = model, .accepted = {}, .cost = cost};
}

std::string serve(FairQueue& queue) {
  const auto* const entry = queue.first(kAny, kAny);
  return entry ? queue.take(entry->request.id, true)->request.id : "";
}

TEST(FairQueue, ServesDistinctUsersInOrderOfArrival) {
  FairQueue queue;
  for (const char* id : {"a", "b", "c"}) queue.add(of(id, id));
  EXPECT_EQ(serve(queue), "a");
  queue.add(of("d", "d"));
  EXPECT_EQ(serve(queue), "b");
  EXPECT_EQ(serve(queue), "c");
  EXPECT_EQ(serve(queue), "d");
  EXPECT_EQ(serve(queue), "");
}

TEST(FairQueue, BurstDelaysAnotherUserByOneRequest) {
  FairQueue queue;
  for (int i = 0; i < 50; ++i) queue.add(of("burst" + std::to_string(i), "u"));
  EXPECT_EQ(serve(queue), "burst0");
  queue.add(of("single", "v"));
  EXPECT_EQ(serve(queue), "single");
  EXPECT_EQ(serve(queue), "burst1");
}

TEST(FairQueue, ExpensiveBurstDelaysCheapRequestOnlyByTheOneInProgress) {
  FairQueue queue;
  for (int i = 0; i < 10; ++i) queue.add(of("big" + std::to_string(i), "u", "m", 450));
  EXPECT_EQ(serve(queue), "big0");
  for (int i = 0; i < 20; ++i) queue.add(of("cheap" + std::to_string(i), "v"));
  queue.add(of("single", "w"));
  EXPECT_EQ(serve(queue), "cheap0");
  EXPECT_EQ(serve(queue), "single") << "nor do many cheap ones";
  for (int i = 1; i < 20; ++i) EXPECT_EQ(serve(queue), "cheap" + std::to_string(i)) << "until v was given as much as u";
  EXPECT_EQ(serve(queue), "big1");
}

TEST(FairQueue, BurstDoesNotDelayUserServedBeforeWithExpensiveRequest) {
  FairQueue queue;
  for (int i = 0; i < 10; ++i) queue.add(of("v" + std::to_string(i), "v"));
  queue.add(of("big", "u", "m", 1000));
  EXPECT_EQ(serve(queue), "v0");
  EXPECT_EQ(serve(queue), "big");
  queue.add(of("w", "w"));
  EXPECT_EQ(serve(queue), "v1");
  EXPECT_EQ(serve(queue), "v2");
  EXPECT_EQ(serve(queue), "w");
}

TEST(FairQueue, ServesExpensiveRequestDespiteEndlessNewUsers) {
  FairQueue queue;
  queue.add(of("big0", "u", "m", 30));
  queue.add(of("big1", "u", "m", 30));
  queue.add(of("new0", "n0"));
  int before = 0;
  for (std::string id = serve(queue); id != "big1"; id = serve(queue)) {
    ASSERT_LE(++before, 100);
    queue.add(of("new" + std::to_string(before), "n" + std::to_string(before)));
  }
  EXPECT_GE(before, 30) << "as much as dear0 was";
}

TEST(FairQueue, RestForgetsServiceReceived) {
  FairQueue queue;
  queue.add(of("big", "u", "m", 450));
  EXPECT_EQ(serve(queue), "big");
  queue.rest();
  queue.add(of("u1", "u"));
  queue.add(of("v1", "v"));
  EXPECT_EQ(serve(queue), "u1");
}

TEST(FairQueue, ServesOthersBeforeUserJustServed) {
  FairQueue queue;
  queue.add(of("u0", "u"));
  EXPECT_EQ(serve(queue), "u0");
  queue.add(of("u1", "u"));
  queue.add(of("v0", "v"));
  EXPECT_EQ(serve(queue), "v0");
}

TEST(FairQueue, IdleTimeEarnsNoCredit) {
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

TEST(FairQueue, EndlessNewUsersStarveNobody) {
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

TEST(FairQueue, PutBackKeepsRank) {
  FairQueue queue;
  queue.add(of("a", "a"));
  queue.add(of("b", "b"));
  auto entry = queue.take("a", true);
  queue.put_back(std::move(*entry));
  EXPECT_EQ(serve(queue), "a");
}

TEST(FairQueue, AddingTwiceKeepsOneEntry) {
  FairQueue queue;
  queue.add(of("a", "u"));
  queue.add(of("a", "u"));
  EXPECT_EQ(queue.entries().size(), 1u);
  EXPECT_EQ(serve(queue), "a");
  EXPECT_TRUE(queue.entries().empty());
  EXPECT_FALSE(queue.has("m"));
}

TEST(FairQueue, FiltersByModelAndUser) {
  FairQueue queue;
  queue.add(of("a", "u", "x"));
  queue.add(of("b", "v", "y"));
  EXPECT_EQ(queue.first([](const std::string& model) { return model == "y"; }, kAny)->request.id, "b");
  EXPECT_EQ(queue.first(kAny, [](const std::string& owner) { return owner != "u"; })->request.id, "b");
  EXPECT_EQ(queue.first(kAny, [](const std::string&) { return false; }), nullptr);
  EXPECT_TRUE(queue.take("a", false));
  EXPECT_FALSE(queue.take("a", false));
  EXPECT_FALSE(queue.has("x"));
}

}  // namespace
}  // namespace p2p::dispatch
