#include <gmock/gmock.h>
#include <soci/soci.h>

#include <cstdlib>

#include "base/testing/temp_folder.hpp"
#include "platform/db/database.hpp"
#include "services/chat/store/chat_store.hpp"

namespace p2p::chat {
namespace {

using Status = Outcome::Status;

/// A file of SQLite; in p2p_chat_store_contract the emptied PostgreSQL database that P2P_DATABASE_URL names.
class ChatStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* const server = std::getenv("P2P_DATABASE_URL");
    if (!server) return;
    url = Secret(server);
    const auto sql = db::connect_postgres(url);
    db::guard_postgres(*sql, [&] { *sql << "DROP SCHEMA public CASCADE; CREATE SCHEMA public"; });
  }
  TempFolder folder;
  Secret url{"sqlite:///" + (folder.path() / "x.db").string()};
};

/// Every field has a value of its own.
ChatRequest full_request() {
  return {.id = "a",
          .origin = {.user = 1, .chat = -5, .in_group = true, .thread = 9, .message = 77, .language = Language::ru},
          .params = {.model = "flat", .prompt = "лиса: \"'{}", .seed = 1ull << 52u, .variations = {7, 1ull << 52u}, .upscale = 2},
          .accepted = from_millis(1000),
          .traceparent = "00-x",
          .outcome = {.status = Status::finished,
                      .cancelling = true,
                      .reason = "why",
                      .detail = "how",
                      .ended = from_millis(2000),
                      .image_key = "images/x.png",
                      .width = 64,
                      .height = 32,
                      .bytes = 1ull << 40u,
                      .seconds = 1.5,
                      .used = {{"steps", "3"}},
                      .offers = {"larger"}},
          .shown = {.message = 1ll << 40,
                    .messages_lost = 1,
                    .answered = true,
                    .form = Presentation::Form::text,
                    .link_refused = true,
                    .link_until = from_millis(3000),
                    .original = 5,
                    .original_shown = true,
                    .original_refused = "no",
                    .bell_rung = true}};
}

void expect_equal(const ChatRequest& a, const ChatRequest& b) {
  const auto fields = [](const ChatRequest& request) {
    const auto& [user, chat, in_group, thread, message, language] = request.origin;
    const auto& [model, prompt, seed, variations, upscale] = request.params;
    const auto& [status, cancelling, reason, detail, ended, key, width, height, bytes, seconds, used, offers] = request.outcome;
    const auto& [status_message, lost, answered, form, link_refused, link_until, original, original_shown, original_refused, bell_rung,
                 settled] = request.shown;
    return std::tuple_cat(std::tuple(request.id, request.accepted, request.traceparent),
                          std::tuple(user, chat, in_group, thread, message, language), std::tuple(model, prompt, seed, variations, upscale),
                          std::tuple(status, cancelling, reason, detail, ended, key, width, height, bytes, seconds, used, offers),
                          std::tuple(status_message, lost, answered, form, link_refused, link_until, original, original_shown,
                                     original_refused, bell_rung, settled));
  };
  EXPECT_TRUE(fields(a) == fields(b));
}

TEST_F(ChatStoreTest, KeepsEveryFieldOfARequest) {
  const ChatRequest none{.id = "b", .params = {.model = "flat"}, .accepted = from_millis(500)};
  {
    const auto store = open_store(url);
    store->transaction([&] {
      store->save(full_request());
      store->save(none);
    });
  }
  const auto store = open_store(url);
  store->transaction([&] {
    const auto list = store->unsettled();
    ASSERT_EQ(list.size(), 2u);
    expect_equal(list[0], none);
    expect_equal(list[1], full_request());
    expect_equal(*store->find("a"), full_request());
    EXPECT_FALSE(store->find("c"));
  });
}

TEST_F(ChatStoreTest, KeepsUpdatesMessagesRepliesAndPositions) {
  {
    const auto store = open_store(url);
    store->transaction([&] {
      EXPECT_FALSE(store->updates().has(7));
      store->updates().add(7);
      store->updates().add(7);
      store->outbox().add(OutboxMessage{3, {.topic = "t", .partition = 2, .key = "k", .value = "v", .headers = {{"h", "1"}}}});
      store->outbox().add(OutboxMessage{4, {.topic = "t", .key = "k", .value = "w"}});
      store->replies().add(Reply{.number = 4, .chat = 5, .in_group = true, .thread = 8, .reply_to = 6, .text = "hi"});
      store->replies().add(Reply{.number = 5, .chat = 5, .text = "there"});
      store->positions().save({{{"t", 1}, 42}});
      store->positions().save({{{"t", 1}, 43}, {{"other", 0}, 1}});
      store->positions().save_log("t", "a log");
      store->count_day(1, "2026-11-24");
      store->count_day(1, "2026-11-24");
    });
  }
  const auto store = open_store(url);
  store->transaction([&] {
    EXPECT_TRUE(store->updates().has(7));
    const auto outbox = store->outbox().all();
    ASSERT_EQ(outbox.size(), 2u);
    EXPECT_EQ(outbox[0].message.partition, 2);
    EXPECT_EQ(outbox[0].message.headers, (bus::Headers{{"h", "1"}}));
    EXPECT_FALSE(outbox[1].message.partition);
    EXPECT_EQ(outbox[1].message.value, "w");
    const auto replies = store->replies().all();
    ASSERT_EQ(replies.size(), 2u);
    EXPECT_EQ(replies[0].thread, 8);
    EXPECT_TRUE(replies[0].in_group);
    EXPECT_FALSE(replies[1].thread);
    EXPECT_EQ(replies[1].text, "there");
    const bus::StartAt position = store->positions().of("t");
    EXPECT_EQ(position.offsets, (std::map<bus::TopicPartition, std::int64_t>{{{"t", 1}, 43}}));
    EXPECT_EQ(position.log, "a log");
    EXPECT_EQ(store->positions().of("none").log, "");
    EXPECT_EQ(store->day_count(1, "2026-11-24"), 2);
    EXPECT_EQ(store->day_count(1, "2026-11-25"), 0);
    store->outbox().remove(3);
    store->replies().remove(4);
    EXPECT_EQ(store->outbox().all().size(), 1u);
    EXPECT_EQ(store->replies().all().size(), 1u);
  });
}

TEST_F(ChatStoreTest, KeepsNothingOfATransactionThatFails) {
  const auto store = open_store(url);
  const auto fail = [&] {
    store->save(full_request());
    throw std::runtime_error("stop");
  };
  EXPECT_THROW(store->transaction(fail), std::runtime_error);
  store->transaction([&] { EXPECT_FALSE(store->find("a")); });
}

TEST_F(ChatStoreTest, TakesATransactionTwice) {
  const auto store = open_store(url);
  for (int i = 0; i < 2; ++i) {
    store->transaction([&] {
      store->save(full_request());
      store->outbox().add(OutboxMessage{3, {.topic = "t", .key = "k", .value = "v"}});
      store->replies().add(Reply{.number = 4, .chat = 5, .text = "hi"});
    });
  }
  store->transaction([&] {
    EXPECT_EQ(store->unsettled().size(), 1u);
    EXPECT_EQ(store->outbox().all().size(), 1u);
    EXPECT_EQ(store->replies().all().size(), 1u);
  });
}

TEST_F(ChatStoreTest, ForgetsAUserAndKeepsTheKeysUntilTheyAreErased) {
  const auto store = open_store(url);
  store->transaction([&] {
    ChatRequest request = full_request();
    store->save(request);
    request.id = "b";
    request.shown.settled = true;
    store->save(request);
    request.id = "c";
    request.outcome.image_key.clear();
    store->save(request);
    request.id = "d";
    request.origin.user = 2;
    request.outcome.image_key = "images/of-another.png";
    store->save(request);
    store->count_day(1, "2026-11-24");
    EXPECT_EQ(store->count_settled(1), 2);
    store->forget_user(1);
    store->forget_user(1);
    EXPECT_EQ(store->count_settled(1), 0);
    EXPECT_TRUE(store->find("a")) << "it is not settled";
    EXPECT_TRUE(store->find("d"));
    EXPECT_EQ(store->erasures().first(5), std::vector<std::string>{"images/x.png"});
    store->erasures().remove("images/x.png");
    EXPECT_TRUE(store->erasures().first(5).empty());
    EXPECT_EQ(store->day_count(1, "2026-11-24"), 1) << "limits hold";
  });
}

TEST_F(ChatStoreTest, BelongsToOneOwner) {
  const auto store = open_store(url);
  EXPECT_THROW(open_store(url), Error);
  EXPECT_NO_THROW(check_store(url));
}

TEST_F(ChatStoreTest, MovesRequestsAndRepliesToTheNewChat) {
  const auto store = open_store(url);
  store->transaction([&] {
    store->save(full_request());
    store->replies().add(Reply{.number = 1, .chat = -5, .text = "hi"});
    store->move_chat(-5, -6);
    EXPECT_EQ(store->find("a")->origin.chat, -6);
    EXPECT_EQ(store->replies().all()[0].chat, -6);
  });
}

TEST_F(ChatStoreTest, FindsExpiredLinksAndForgetsWhatIsOld) {
  const auto store = open_store(url);
  store->transaction([&] {
    ChatRequest request = full_request();
    request.shown.settled = true;
    store->save(request);
    EXPECT_TRUE(store->unsettled().empty());
    EXPECT_TRUE(store->with_expired_links(from_millis(3000), 5).empty());
    EXPECT_EQ(store->with_expired_links(from_millis(3001), 5).size(), 1u);
    store->prune(from_millis(2500));
    EXPECT_TRUE(store->find("a")) << "its link is valid still";
    request.shown.link_until.reset();
    store->save(request);
    EXPECT_TRUE(store->with_expired_links(from_millis(9000), 5).empty());
    store->prune(from_millis(2500));
    EXPECT_FALSE(store->find("a"));
  });
}

}  // namespace
}  // namespace p2p::chat
