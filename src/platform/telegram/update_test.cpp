#include <gtest/gtest.h>

#include "platform/telegram/api.hpp"

namespace p2p::telegram {
namespace {

constexpr const char* kMessage =
    R"({"update_id":7,"message":{"message_id":5,"date":1700000000,"text":"/txt2img лиса","chat":{"id":-100,"type":"supergroup","title":"t"},
    "from":{"id":9,"is_bot":false,"first_name":"x","language_code":"ru"},"is_topic_message":true,"message_thread_id":3}})";
constexpr const char* kCallback =
    R"({"update_id":8,"callback_query":{"id":"q","from":{"id":9,"is_bot":false,"first_name":"x"},"data":"again:x","chat_instance":"1",
    "message":{"message_id":6,"date":0,"chat":{"id":9,"type":"private"}}}})";

TEST(ReadUpdate, ReadsMessagesAndCallbacks) {
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

Message message_of(const std::string& members) {
  const auto update =
      read_update(Json::parse(R"({"update_id":1,"message":{"message_id":5,"chat":{"id":-5,"type":"supergroup"},)" + members + "}}"));
  return *update->message;
}

TEST(ReadUpdate, AuthorOnBehalfOfChatIsThatChat) {
  const std::string bot = R"("from":{"id":1087968824,"is_bot":true,"username":"GroupAnonymousBot"},)";
  const Message anonymous = message_of(bot + R"("sender_chat":{"id":-5,"type":"supergroup"},"text":"x")");
  EXPECT_EQ(anonymous.from->id, -5);
  EXPECT_FALSE(anonymous.from->is_bot);
  EXPECT_EQ(message_of(bot + R"("sender_chat":{"id":-7,"type":"channel"},"text":"x")").from->id, -7);
  EXPECT_TRUE(message_of(bot + R"("text":"x")").from->is_bot);
}

TEST(ReadUpdate, ReadsCaptionsAndRepliedTexts) {
  EXPECT_EQ(message_of(R"("photo":[],"caption":"/txt2img a fox")").text, "/txt2img a fox");
  const std::string replied = R"("text":"/txt2img","reply_to_message":{"message_id":4,"from":{"id":1,"username":"FoxBot"},)";
  EXPECT_EQ(message_of(replied + R"("text":"a bear"})").replied_text, "a bear");
  EXPECT_EQ(message_of(replied + R"("caption":"a bear"})").replied_text, "a bear");
  EXPECT_EQ(message_of(replied + R"("text":"a bear"},"quote":{"text":"bear"})").replied_text, "bear");
  EXPECT_EQ(message_of(replied + R"("text":"a bear"})").replied_username, "FoxBot");
  EXPECT_EQ(message_of(replied + R"("forum_topic_created":{}})").replied_username, "");
}

TEST(ReadUpdate, ServiceMessagesHaveNoContent) {
  for (const char* event : {"new_chat_members", "pinned_message", "left_chat_member", "forum_topic_created", "video_chat_started"})
    EXPECT_FALSE(message_of(std::string("\"") + event + "\":{}").has_content) << event;
  for (const char* kind : {"text", "sticker", "voice", "video_note", "poll"})
    EXPECT_TRUE(message_of(std::string("\"") + kind + "\":{}").has_content) << kind;
}

TEST(ReadUpdate, OtherKindsHaveOnlyId) {
  const auto update = read_update(Json::parse(R"({"update_id":1,"edited_message":{"message_id":5}})"));
  ASSERT_TRUE(update);
  EXPECT_FALSE(update->message);
  EXPECT_FALSE(update->callback_query);
}

TEST(ReadUpdate, RemovesZeroBytes) {
  const auto update =
      read_update(Json::parse(R"({"update_id":1,"message":{"message_id":5,"text":"a\u0000b","chat":{"id":1,"type":"private"}}})"));
  ASSERT_TRUE(update && update->message);
  EXPECT_EQ(update->message->text, "ab");
}

TEST(ReadUpdate, RefusesInvalidUpdates) {
  for (const char* text :
       {"null", "[]", "7", "{}", R"({"update_id":"7"})", R"({"update_id":1.5})", R"({"update_id":18446744073709551615})"}) {
    EXPECT_FALSE(read_update(Json::parse(text))) << text;
  }
}

std::string nested(const std::string& id, std::size_t levels) {
  return "{\"update_id\":" + id + ",\"message\":{\"message_id\":1,\"x\":" + std::string(levels, '[') + std::string(levels, ']') + "}}";
}

TEST(ParseUpdate, KeepsIdOfUnreadableUpdate) {
  const std::vector<std::string> broken{nested("7", 1000),
                                        nested(" 7\n", 100'000),
                                        R"({"a":{"update_id":1},"x":"\"},{\"update_id\":2","update_id":7,"y":[tru]})",
                                        R"({"update_id":7,"a":1,"a":2})",
                                        "{\"update_id\":7,\"a\":\"\xff\"}",
                                        R"({"update_id":7,"a":"\ud800"})"};
  for (const std::string& text : broken) EXPECT_EQ(parse_update(text), Json({{"update_id", 7}})) << text.substr(0, 60);
  EXPECT_EQ(parse_update(nested("7", 50))->size(), 2u);
  for (const std::string& text :
       std::vector<std::string>{"", "{", "[", "{\"update_id\":7", R"({"update_id":"7",})", R"({"update_id":7.5,})",
                                R"({"update_id":99999999999999999999,})", R"({"a":"\)", std::string(100'000, '[')})
    EXPECT_FALSE(parse_update(text)) << text.substr(0, 60);
}

}  // namespace
}  // namespace p2p::telegram
