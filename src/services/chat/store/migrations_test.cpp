#include <gmock/gmock.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <filesystem>
#include <fstream>

#include "base/testing/temp_folder.hpp"
#include "services/chat/store/chat_store.hpp"

namespace p2p::chat {
namespace {

namespace fs = std::filesystem;
using Status = Outcome::Status;

/// A database that version 0.1.0 wrote, whose schema has version 2: testing/version_2.sql is its dump, a statement a line.
class MigrationsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    soci::session sql(soci::sqlite3, "dbname=" + file.string());
    std::ifstream dump(P2P_SOURCE_DIR "/src/services/chat/testing/version_2.sql");
    for (std::string line; std::getline(dump, line);) sql << line;
  }
  static std::string id(int number) { return "019ac000-0000-7000-8000-00000000000" + std::to_string(number); }

  TempFolder folder;
  fs::path file = folder.path() / "x.db";
};

TEST_F(MigrationsTest, KeepEveryRequest) {
  const auto store = open_store(Secret("sqlite:///" + file.string()));
  store->transaction([&] {
    const auto list = store->unsettled();
    ASSERT_EQ(list.size(), 3u);

    const ChatRequest& waiting = list[0];
    EXPECT_EQ(waiting.id, id(1));
    EXPECT_EQ(waiting.origin.user, 5);
    EXPECT_EQ(waiting.origin.chat, 5);
    EXPECT_FALSE(waiting.origin.in_group);
    EXPECT_FALSE(waiting.origin.thread);
    EXPECT_EQ(waiting.origin.message, 11);
    EXPECT_EQ(waiting.origin.language, Language::ru);
    EXPECT_EQ(waiting.params.model, "emoji");
    EXPECT_EQ(waiting.params.prompt, "лиса: \"в снегу\"\n{}");
    EXPECT_EQ(waiting.params.seed, 4'000'000'000u);
    EXPECT_EQ(waiting.params.upscale, 0);
    EXPECT_EQ(waiting.accepted, from_millis(1'764'000'000'001));
    EXPECT_EQ(waiting.traceparent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    EXPECT_EQ(waiting.outcome.status, Status::queued);
    EXPECT_EQ(waiting.shown.message, 21);
    EXPECT_FALSE(waiting.shown.link_until);

    const ChatRequest& drawing = list[1];
    EXPECT_TRUE(drawing.origin.in_group);
    EXPECT_EQ(drawing.origin.chat, -1001234567890);
    EXPECT_EQ(drawing.origin.thread, 3);
    EXPECT_EQ(drawing.origin.language, Language::en);
    EXPECT_EQ(drawing.params.variations, (std::vector<std::uint64_t>{7, 4'000'000'001}));
    EXPECT_EQ(drawing.params.upscale, 2);
    EXPECT_EQ(drawing.outcome.status, Status::drawing);
    EXPECT_TRUE(drawing.outcome.cancelling);
    EXPECT_EQ(drawing.shown.messages_lost, 1);

    const ChatRequest& failed = list[2];
    EXPECT_EQ(failed.outcome.status, Status::failed);
    EXPECT_EQ(failed.outcome.reason, "cannot_do");
    EXPECT_EQ(failed.outcome.detail, "width is 5");
    EXPECT_EQ(failed.shown.form, Presentation::Form::plain);
    EXPECT_TRUE(failed.shown.link_refused);

    const auto finished = store->find(id(3)).value();
    EXPECT_EQ(finished.outcome.status, Status::finished);
    EXPECT_EQ(finished.outcome.ended, from_millis(1'764'000'009'003));
    EXPECT_EQ(finished.outcome.image_key, "images/2025/11/24/" + id(3) + "-1.png");
    EXPECT_EQ(finished.outcome.width, 512);
    EXPECT_EQ(finished.outcome.height, 384);
    EXPECT_EQ(finished.outcome.bytes, 123'456u);
    EXPECT_EQ(finished.outcome.seconds, 2.5);
    EXPECT_EQ(finished.outcome.used, (std::map<std::string, std::string>{{"steps", "25"}}));
    EXPECT_EQ(finished.outcome.offers, (std::vector<std::string>{"variation", "larger"}));
    EXPECT_TRUE(finished.shown.answered);
    EXPECT_EQ(finished.shown.form, Presentation::Form::document);
    EXPECT_EQ(finished.shown.link_until, from_millis(1'764'600'000'000));
    EXPECT_EQ(finished.shown.original, 22);
    EXPECT_TRUE(finished.shown.original_shown);
    EXPECT_EQ(finished.shown.original_refused, "no rights");
    EXPECT_TRUE(finished.shown.bell_rung);
    EXPECT_TRUE(finished.shown.settled);
    EXPECT_EQ(store->find(id(5)).value().outcome.status, Status::cancelled);
    EXPECT_EQ(store->with_expired_links(from_millis(1'764'600'000'001), 5).size(), 1u);
  });
}

TEST_F(MigrationsTest, KeepMessagesRepliesPositionsAndCounts) {
  const auto store = open_store(Secret("sqlite:///" + file.string()));
  store->transaction([&] {
    EXPECT_TRUE(store->updates().has(102));
    EXPECT_FALSE(store->updates().has(103));
    const auto outbox = store->outbox().all();
    ASSERT_EQ(outbox.size(), 2u);
    EXPECT_EQ(outbox[0].number, 31);
    EXPECT_EQ(outbox[0].message.topic, "prompt2pic.events");
    EXPECT_EQ(outbox[0].message.key, id(1));
    EXPECT_EQ(outbox[0].message.value, R"({"id": "x"})");
    EXPECT_EQ(outbox[0].message.headers.size(), 2u);
    EXPECT_FALSE(outbox[0].message.partition);
    EXPECT_EQ(outbox[1].message.partition, 0);
    const auto replies = store->replies().all();
    ASSERT_EQ(replies.size(), 2u);
    EXPECT_EQ(replies[0].text, "Привет!");
    EXPECT_EQ(replies[0].thread, 3);
    EXPECT_EQ(replies[0].reply_to, 12);
    EXPECT_TRUE(replies[0].in_group);
    EXPECT_FALSE(replies[1].thread);
    const bus::StartAt position = store->positions().of("prompt2pic.events");
    EXPECT_EQ((position.offsets.at({"prompt2pic.events", 0})), 42);
    EXPECT_EQ((position.offsets.at({"prompt2pic.events", 3})), 7);
    EXPECT_EQ(position.log, "a-log");
    EXPECT_EQ(store->day_count(5, "2025-11-24"), 2);
  });
}

TEST_F(MigrationsTest, WhatTheyWroteCanBeSavedAgain) {
  const auto store = open_store(Secret("sqlite:///" + file.string()));
  store->transaction([&] {
    for (ChatRequest request : store->unsettled()) {
      request.shown.settled = true;
      store->save(request);
    }
    EXPECT_TRUE(store->unsettled().empty());
  });
}

}  // namespace
}  // namespace p2p::chat
