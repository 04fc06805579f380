// 100,000 updates with one to three bytes changed: read_update() reads each or refuses it.

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

TEST(ReadUpdateMutation, ReadsOrRefusesEveryText) {
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
