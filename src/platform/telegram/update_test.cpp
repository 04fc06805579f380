#include <gtest/gtest.h>

#include <random>

#include "platform/telegram/api.hpp"

namespace p2p::telegram {
namespace {

constexpr const char* kMessage =
    R"({"update_id":7,"message":{"message_id":5,"date":1700000000,"text":"/txt2img лиса","chat":{"id":-100,"type":"supergroup","title":"t"},
    "from":{"id":9,"is_bot":false,"first_name":"x","language_code":"ru"},"is_topic_message":true,"message_thread_id":3}})";
constexpr const char* kCallback =
    R"({"update_id":8,"callback_query":{"id":"q","from":{"id":9,"is_bot":false,"first_name":"x"},"data":"again:x","chat_instance":"1",
    "message":{"message_id":6,"date":0,"chat":{"id":9,"type":"private"}}}})";

TEST(ReadUpdate, TakesMessagesAndCallbacks) {
  const auto update = read_update(Json::parse(kMessage));
  ASSERT_TRUE(update && update->message && update->message->from);
  EXPECT_EQ(update->update_id, 7);
  EXPECT_EQ(update->message->text, "/txt2img лиса");
  EXPECT_TRUE(update->message->chat.is_group());
  EXPECT_EQ(update->message->thread_id, 3);
  EXPECT_EQ(update->message->from->language_code, "ru");
  const auto pressed = read_update(Json::parse(kCallback));
  ASSERT_TRUE(pressed && pressed->callback_query);
  EXPECT_EQ(pressed->callback_query->data, "again:x");
  EXPECT_EQ(pressed->callback_query->message_id, 6);
}

TEST(ReadUpdate, OtherKindsHaveTheirIdAlone) {
  const auto update = read_update(Json::parse(R"({"update_id":1,"edited_message":{"message_id":5}})"));
  ASSERT_TRUE(update);
  EXPECT_FALSE(update->message);
  EXPECT_FALSE(update->callback_query);
}

TEST(ReadUpdate, ZeroBytesAreLeftOut) {
  const auto update =
      read_update(Json::parse(R"({"update_id":1,"message":{"message_id":5,"text":"a\u0000b","chat":{"id":1,"type":"private"}}})"));
  ASSERT_TRUE(update && update->message);
  EXPECT_EQ(update->message->text, "ab");
}

TEST(ReadUpdate, WhatIsNoneGivesNothing) {
  for (const char* text :
       {"null", "[]", "7", "{}", R"({"update_id":"7"})", R"({"update_id":1.5})", R"({"update_id":18446744073709551615})"}) {
    EXPECT_FALSE(read_update(Json::parse(text))) << text;
  }
}

TEST(ReadUpdate, MutatedOnesAreReadOrRefused) {
  std::mt19937 random(1);
  int read = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text = i % 2 ? kMessage : kCallback;
    for (auto n = random() % 3 + 1; n > 0; --n) text[random() % text.size()] = static_cast<char>(random());
    const Json json = Json::parse(text, nullptr, false);
    read += !json.is_discarded() && read_update(json);
  }
  EXPECT_GT(read, 5'000);
}

}  // namespace
}  // namespace p2p::telegram
