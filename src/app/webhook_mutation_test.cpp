// 3,000 calls of the webhook with mutated bodies and secrets: each is refused, accepted or counted as dropped.

#include <gmock/gmock.h>

#include "app/testing/webhook_fixture.hpp"

namespace p2p::app {
namespace {

using WebhookMutation = WebhookFixture;

TEST_F(WebhookMutation, RefusesOrCountsEveryCall) {
  constexpr int kCount = 3000;
  p2p::testing::Mutator mutator(1);
  std::map<int, int> answers;
  for (int i = 0; i < kCount; ++i) {
    Json update = Json::parse(kUpdate);
    update["update_id"] = i;
    update["message"]["from"]["is_bot"] = true;  // so that no reply is necessary
    std::string secret = mutator.below(4) == 0 ? mutator.bytes("right") : "right";
    std::erase_if(secret, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
    ++answers[post(mutator.any(update), secret)];
  }
  EXPECT_EQ(answers[200] + answers[400] + answers[401], kCount);
  for (const int status : {200, 400, 401}) EXPECT_GT(answers[status], 300) << status;
  EXPECT_EQ(counted("prompt2pic_updates_total") + counted("prompt2pic_updates_dropped_total"), answers[200]);
  std::cout << kCount << " mutated calls of the webhook: " << answers[200] << " taken or dropped and counted, " << answers[400]
            << " no JSON (400), " << answers[401] << " without the secret (401)\n";
  EXPECT_EQ(post(kUpdate.substr(0, 13) + "9999" + kUpdate.substr(14)), 200);
}

}  // namespace
}  // namespace p2p::app
