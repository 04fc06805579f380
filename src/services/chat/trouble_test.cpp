// A database that is busy, away or hangs.

#include "services/chat/testing/bot_fixture.hpp"

namespace p2p::chat {
namespace {

using BotTroubleTest = BotFixture;

TEST_F(BotTroubleTest, ABusyDatabaseLetsNoDailyLimitPass) {
  stop();
  config.rules.user_per_day = 1;
  start();
  say("one");
  next_request();
  database->failing_reads = 2;
  say("two", 6);
  EXPECT_EQ(database->failing_reads, 0);
  EXPECT_TRUE(eventually([&] { return is_shown("1 request a day"); }));
}

TEST_F(BotTroubleTest, ABusyDatabaseMakesNoButtonOutOfDate) {
  stop();
  config.link_ttl = std::chrono::hours(1);
  start();
  const auto request = expired_picture();  // settled: the database alone knows it
  database->failing_reads = 2;
  press("again:" + request.id);
  EXPECT_EQ(next_request().prompt, "a fox");
  EXPECT_EQ(database->failing_reads, 0);
  EXPECT_TRUE(eventually([&] { return api.answers().size() == 1; }));
  EXPECT_THAT(api.answers()[0], HasSubstr("Drawing it again"));
}

TEST_F(BotTroubleTest, PublishesNothingBeforeItReadsEvents) {
  const std::string events(messages::kEventsTopic);
  stop();
  bus.refuse_reading(events, true);
  start();
  say("a fox");
  EXPECT_TRUE(eventually([&] { return is_shown("Accepted"); }));
  EXPECT_THAT(bus.records(events), ::testing::IsEmpty()) << "its end could come before the bot reads";
  bus.refuse_reading(events, false);
  publish(next_request(), messages::Failed{.reason = std::string(messages::reason::kNoWorker)});
  EXPECT_TRUE(eventually([&] { return is_shown("Nobody here"); }));
}

TEST_F(BotTroubleTest, StopsWhileTheDatabaseFailsAndLosesNoUpdate) {
  const Json update{
      {"update_id", 77},
      {"message",
       {{"message_id", 1}, {"text", "a fox"}, {"chat", {{"id", 5}, {"type", "private"}}}, {"from", {{"id", 5}, {"is_bot", false}}}}}};
  std::atomic<bool> kept = false;
  database->fails = true;
  bot->take(update, [&] { kept = true; });
  EXPECT_TRUE(eventually([&] { return bot->problem() == "the database does not work"; }));
  stop();
  EXPECT_FALSE(kept);
  start();
  EXPECT_TRUE(take(update));
  EXPECT_EQ(next_request().prompt, "a fox");
}

TEST_F(BotTroubleTest, AReadThatFailsLeavesNoProblemBehind) {
  EXPECT_TRUE(eventually([&] { return bot->problem().empty(); }));
  database->fails = true;
  EXPECT_TRUE(eventually([&] {
    skipped = skipped.load() + std::chrono::seconds(2);  // its links are looked at
    return bot->problem() == "the database does not work";
  }));
  database->fails = false;
  EXPECT_TRUE(eventually([&] {
    skipped = skipped.load() + std::chrono::seconds(2);
    return bot->problem().empty();
  }));
}

TEST_F(BotTroubleTest, TakingAnUpdateHoldsNoThread) {
  database->hang(true);
  std::atomic<int> kept = 0;
  for (int i = 0; i < 3; ++i) {
    bot->take({{"update_id", 100 + i}}, [&] { ++kept; });
    bot->take({{"no", "update"}}, [&] { ++kept; });
  }
  EXPECT_TRUE(eventually([&] { return database->is_waiting.load(); }));
  EXPECT_EQ(kept, 0);
  database->hang(false);
  EXPECT_TRUE(take({{"update_id", 101}})) << "a repeated one is kept too";
  EXPECT_EQ(kept, 6);
}

TEST_F(BotTroubleTest, TellsOfALoopThatIsStuck) {
  EXPECT_TRUE(eventually([&] { return bot->problem().empty(); }));
  database->hang(true);
  bot->take({{"update_id", 100}}, [] {});
  EXPECT_TRUE(eventually([&] { return database->is_waiting.load(); }));
  steady_skipped = std::chrono::seconds(59);
  EXPECT_EQ(bot->problem(), "");
  steady_skipped = std::chrono::seconds(75);
  EXPECT_THAT(bot->problem(), HasSubstr("stuck for 75 s at the requests"));
  database->hang(false);
  EXPECT_TRUE(eventually([&] { return bot->problem().empty(); }));
}

}  // namespace
}  // namespace p2p::chat
