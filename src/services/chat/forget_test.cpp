// /forget: what the bot deletes.

#include "services/chat/testing/bot_fixture.hpp"

namespace p2p::chat {
namespace {

class ForgetTest : public BotFixture {
 protected:
  /// The key of a picture that is drawn for the user and shown.
  std::string drawn(const std::string& prompt, std::int64_t user) {
    say(prompt, user, user);
    const auto request = next_request();
    finish(request);
    EXPECT_TRUE(later([&] { return is_pictured(prompt); }));
    return messages::image_key(request.id, request.time, 1);
  }
  /// Asks again while the request is not settled, which follows the showing of its picture.
  void forget() {
    const auto is_done = [&] { return is_shown("Deleted: 1 request"); };
    for (int attempt = 0; attempt < 100 && !is_done(); ++attempt) {
      say("/forget yes");
      for (int step = 0; step < 100 && !is_done(); ++step) skip(std::chrono::milliseconds(100));
    }
    EXPECT_TRUE(is_done());
  }
  bool is_stored(const std::string& key) { return store.objects().contains(key); }
};

TEST_F(ForgetTest, DeletesOnlyTheUsersPicturesAndOnlyWhenSure) {
  const std::string mine = drawn("a fox", 5);
  const std::string other = drawn("an owl", 6);
  say("/forget");
  EXPECT_TRUE(later([&] { return is_shown("/forget yes"); }));
  EXPECT_TRUE(is_stored(mine));
  forget();
  EXPECT_TRUE(later([&] { return !is_stored(mine); }));
  EXPECT_TRUE(is_stored(other));
  stop();
  const auto kept = open_store(Secret("sqlite:///" + (folder.path() / "bot.db").string()));
  kept->transaction([&] {
    EXPECT_EQ(kept->count_settled(5), 0);
    EXPECT_EQ(kept->count_settled(6), 1);
    EXPECT_TRUE(kept->erasures().first(5).empty());
  });
}

TEST_F(ForgetTest, GoesOnAfterACrashAndWhileTheStoreFails) {
  const std::string mine = drawn("a fox", 5);
  store.failures = 1'000'000;
  forget();
  crash();
  start();
  skip(std::chrono::seconds(5));
  EXPECT_TRUE(is_stored(mine));
  store.failures = 0;
  EXPECT_TRUE(later([&] { return !is_stored(mine); }));
}

TEST_F(ForgetTest, CancelsWhatIsNotReady) {
  drawn("a fox", 5);
  say("an owl");
  next_request();
  say("/forget yes");
  EXPECT_TRUE(later([&] { return is_shown("once more"); }));
  EXPECT_TRUE(later([&] { return is_shown("ancelling"); }));
}

TEST_F(ForgetTest, PrivacySaysWhatIsKeptAndWhoAnswers) {
  stop();
  config.rules.keep_days = 30;
  config.rules.privacy_contact = "privacy@example.org";
  start();
  say("/privacy");
  EXPECT_TRUE(later([&] { return is_shown("deleted after 30 days") && is_shown("privacy@example.org"); }));
}

}  // namespace
}  // namespace p2p::chat
