#include "platform/telegram/failure.hpp"

#include <gtest/gtest.h>

namespace p2p::telegram {
namespace {

using Kind = Failure::Kind;

Json error(int code, const char* description, const Json& parameters = Json::object()) {
  return {{"ok", false}, {"error_code", code}, {"description", description}, {"parameters", parameters}};
}

TEST(FailureOf, RecognisesTelegramDescriptions) {
  const std::vector<std::tuple<int, const char*, Kind>> cases{
      {400, "Bad Request: message is not modified: specified new message content and reply markup are exactly the same",
       Kind::not_modified},
      {400, "Bad Request: message to edit not found", Kind::message_gone},
      {400, "Bad Request: message can't be edited", Kind::message_gone},
      {400, "Bad Request: MESSAGE_ID_INVALID", Kind::message_gone},
      {400, "Bad Request: chat not found", Kind::chat_gone},
      {403, "Forbidden: bot was blocked by the user", Kind::forbidden},
      {403, "Forbidden: user is deactivated", Kind::forbidden},
      {403, "Forbidden: bot was kicked from the supergroup chat", Kind::forbidden},
      {400, "Bad Request: not enough rights to send photos to the chat", Kind::no_rights},
      {400, "Bad Request: not enough rights to send documents to the chat", Kind::no_rights},
      {400, "Bad Request: CHAT_SEND_PHOTOS_FORBIDDEN", Kind::no_rights},
      {403, "Forbidden: CHAT_SEND_MEDIA_FORBIDDEN", Kind::no_rights},
      {400, "Bad Request: not enough rights to send text messages to the chat", Kind::forbidden},
      {400, "Bad Request: CHAT_SEND_PLAIN_FORBIDDEN", Kind::forbidden},
      {400, "Bad Request: have no rights to send a message", Kind::forbidden},
      {400, "Bad Request: there is no text in the message to edit", Kind::has_media},
      {400, "Bad Request: message to be replied not found", Kind::reply_gone},
      {400, "Bad Request: message thread not found", Kind::topic_gone},
      {400, "Bad Request: TOPIC_CLOSED", Kind::topic_gone},
      {400, "Bad Request: inline keyboard button URL 'http://x' is invalid: Wrong HTTP URL", Kind::bad_link},
      {400, "Bad Request: BUTTON_URL_INVALID", Kind::bad_link},
      {400, "Bad Request: wrong file identifier/HTTP URL specified", Kind::bad_request},
      {413, "Request Entity Too Large", Kind::bad_request},
      {400, "Bad Request: query is too old and response timeout expired or query ID is invalid", Kind::too_late},
      {401, "Unauthorized", Kind::unauthorized},
      {404, "Not Found", Kind::unauthorized},
      {409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running", Kind::conflict},
      {400, "Bad Request: PHOTO_INVALID_DIMENSIONS", Kind::bad_request},
      {500, "Internal Server Error", Kind::unreachable},
  };
  for (const auto& [code, words, kind] : cases) EXPECT_EQ(failure_of(code, error(code, words)).kind, kind) << words;
}

TEST(FailureOf, ReadsParameters) {
  const Failure flood = failure_of(429, error(429, "Too Many Requests: retry after 7", {{"retry_after", 7}}));
  EXPECT_EQ(flood.kind, Kind::flood);
  EXPECT_EQ(flood.retry_after, std::chrono::seconds(7));
  EXPECT_EQ(failure_of(429, error(429, "Too Many Requests", {{"retry_after", "x"}})).retry_after, std::chrono::seconds(1));
  const Failure migrated =
      failure_of(400, error(400, "Bad Request: group chat was upgraded to a supergroup chat", {{"migrate_to_chat_id", -1001}}));
  EXPECT_EQ(migrated.kind, Kind::migrated);
  EXPECT_EQ(migrated.migrate_to, -1001);
}

TEST(FailureOf, ErrorWithoutDescriptionIsRetryable) {
  for (const Json& json : {Json(), Json::array(), Json{{"ok", true}}, Json{{"description", 5}}}) {
    const Failure failure = failure_of(502, json);
    EXPECT_EQ(failure.kind, Kind::unreachable);
  }
  EXPECT_EQ(failure_of(413, Json()).kind, Kind::bad_request) << "a retry would not be smaller";
}

TEST(ReadAnswer, ReturnsResultOrFailure) {
  EXPECT_EQ(read_answer(200, R"({"ok":true,"result":[7]})"), Json({7}));
  EXPECT_EQ(read_answer(200, R"({"ok":true,"result":null})"), Json());
  for (const char* text : {"", "<html>", "{", "[]", R"({"ok":true})", R"({"ok":1,"result":7})", R"({"ok":false,"result":7})"}) {
    const auto answer = read_answer(200, text);
    ASSERT_FALSE(answer) << text;
    EXPECT_EQ(answer.error().kind, Kind::unreachable) << text;
  }
  EXPECT_EQ(read_answer(403, R"({"ok":false,"error_code":403,"description":"Forbidden"})").error().kind, Kind::forbidden);
}

TEST(ReadUpdates, UnreadableUpdateDoesNotBlockOthers) {
  const std::string deep = R"({"update_id":2,"x":)" + std::string(5000, '[') + std::string(5000, ']') + "}";
  const auto updates = read_updates(200, R"({"ok":true,"result":[{"update_id":1,"x":{}},)" + deep + R"(,{"no":1}, {"update_id":3}]})");
  ASSERT_TRUE(updates);
  ASSERT_EQ(updates->size(), 3u);
  EXPECT_EQ((*updates)[1], Json({{"update_id", 2}}));
  EXPECT_EQ((*updates)[2], Json({{"update_id", 3}}));
  EXPECT_EQ(read_updates(200, R"( { "result" : [ ] , "ok" : true } )").value().size(), 0u);
}

TEST(ReadUpdates, OtherResponseIsRetryable) {
  for (const char* text : {"", "[]", R"({"ok":true})", R"({"ok":true,"result":{}})", R"({"ok":true,"result":[{"update_id":1})",
                           R"({"ok":true,"result":[{"no":1}]})", R"({"ok":false,"result":[]})", R"({"ok":true,"result":[] x)"}) {
    const auto updates = read_updates(200, text);
    ASSERT_FALSE(updates) << text;
    EXPECT_EQ(updates.error().kind, Kind::unreachable) << text;
  }
  EXPECT_EQ(read_updates(409, R"({"ok":false,"error_code":409,"description":"Conflict"})").error().kind, Kind::conflict);
}

}  // namespace
}  // namespace p2p::telegram
