#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "services/chat/presenter/view.hpp"

namespace p2p::chat {
namespace {

using ::testing::HasSubstr;

TEST(View, CaptionsFitWhateverTheWords) {
  ChatRequest request{.id = "x", .params = {.model = "flat", .seed = 42}};
  request.outcome.width = request.outcome.height = 64;
  request.outcome.seconds = 1.25;
  for (int i = 0; i < 3000; ++i) request.params.prompt += "😀";
  EXPECT_LE(telegram::length_of(caption(request)), 1024u);
  EXPECT_THAT(caption(request), HasSubstr("seed 42 · flat · 64×64 · 1.2 s"));
}

TEST(View, OffersWhatTheModelCanMakeOfAPicture) {
  ChatRequest request{.id = "x", .params = {.model = "flat", .seed = 42, .variations = {7, 8}}};
  request.outcome.offers = {"variation", "something of later"};
  EXPECT_THAT(caption(request), HasSubstr("seed 42 → 7 → 8 · flat"));
  auto keyboard = answer_keyboard(request, "https://x");
  ASSERT_EQ(keyboard.size(), 2u);
  EXPECT_EQ(keyboard[0][1].data, "again:x");
  ASSERT_EQ(keyboard[1].size(), 1u);
  EXPECT_EQ(keyboard[1][0].data, "vary:x");
  request.outcome.offers = {"larger"};
  EXPECT_EQ(answer_keyboard(request, {})[1][0].data, "larger:x");
  request.outcome.offers.clear();
  EXPECT_EQ(answer_keyboard(request, {}).size(), 1u);
}

TEST(View, SaysWhatIsGoingOn) {
  ChatRequest request{.id = "x"};
  EXPECT_THAT(status_text(request, {.estimate = {.position = 3, .until_done = std::chrono::minutes(2)}}),
              HasSubstr("number 3, about 2 min"));
  EXPECT_THAT(status_text(request, {.workers_away = true}), HasSubstr("artists are away"));
  request.outcome.status = Outcome::Status::drawing;
  EXPECT_EQ(status_text(request, {.estimate = {.until_done = std::chrono::seconds(5)}, .fraction = 0.4}),
            "Drawing ▓▓▓▓░░░░░░ 40 %, 5 s left");
  EXPECT_EQ(status_keyboard(request)[0][0].data, "cancel:x");
  request.outcome.cancelling = true;
  EXPECT_TRUE(status_keyboard(request).empty());
}

TEST(View, HasWordsInBothLanguagesForEveryReason) {
  std::ifstream in(std::filesystem::path(P2P_SOURCE_DIR) / "src/platform/messages/messages.hpp");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::size_t begin = text.find("namespace reason {");
  const std::string reasons = text.substr(begin, text.find("}  // namespace reason") - begin);
  const std::regex constant(R"re( = "([a-z_]+)";)re");
  std::set<std::string> all;
  const std::sregex_iterator end;
  for (std::sregex_iterator at(reasons.begin(), reasons.end(), constant); at != end; ++at) {
    for (const Language language : {Language::en, Language::ru}) {
      ChatRequest request{.id = "x", .origin = {.language = language}};
      request.outcome.status = Outcome::Status::failed;
      request.outcome.reason = (*at)[1];
      EXPECT_TRUE(all.insert(ending_text(request, {})).second) << request.outcome.reason << " has the words of another reason";
    }
  }
  EXPECT_GE(all.size(), 18u);
}

}  // namespace
}  // namespace p2p::chat
