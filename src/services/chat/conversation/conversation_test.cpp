#include "services/chat/conversation/conversation.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "base/random_id.hpp"
#include "platform/messages/messages.hpp"

namespace p2p::chat {
namespace {

using ::testing::HasSubstr;

constexpr Time kEvening{std::chrono::hours(23)};  // an hour before midnight
constexpr std::int64_t kUser = 5;

/// What the bot would look up.
class FakeLookup : public Lookup {
 public:
  std::map<std::string, ChatRequest> requests;
  int others = 0;  // requests of other users that are not over
  int waiting = 0;
  int kept = 0;
  int today = 0;
  bool links = true;
  std::string prompt;

  std::optional<ChatRequest> find(const std::string& id) override {
    const auto found = requests.find(id);
    return found == requests.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<Listed> requests_of(std::int64_t user) override {
    std::vector<Listed> list;
    for (const auto& [id, request] : requests) {
      if (request.origin.user == user && !request.outcome.is_over()) list.push_back({request, {.estimate = {.position = 2}}});
    }
    std::ranges::sort(list, {}, [](const Listed& listed) { return listed.request.accepted; });
    return list;
  }
  int queue_length() override { return static_cast<int>(requests_of(kUser).size()) + others; }
  int waiting_of(std::int64_t) override { return waiting; }
  int kept_of(std::int64_t) override { return kept; }
  int day_count(std::int64_t, const std::string&) override { return today; }
  std::string example(Language language) override { return language == Language::en ? prompt : ""; }
  bool has_link(const ChatRequest&) override { return links; }
};

class ConversationTest : public ::testing::Test {
 protected:
  std::vector<Action> write(const std::string& text, std::int64_t user = kUser, std::int64_t chat = kUser) {
    telegram::Message message{.message_id = 9,
                              .chat = {chat, chat > 0 ? telegram::Chat::Type::private_chat : telegram::Chat::Type::supergroup},
                              .from = telegram::User{.id = user},
                              .text = text,
                              .has_content = true,
                              .album = album};
    return conversation.take({.update_id = 1, .message = message}, now);
  }
  std::vector<Action> press(const std::string& data, std::int64_t user = kUser, std::int64_t chat = kUser) {
    telegram::CallbackQuery query{.id = "q", .from = {.id = user}, .chat = telegram::Chat{chat}, .message_id = 7, .data = data};
    return conversation.take({.update_id = 1, .callback_query = query}, now);
  }
  /// The text of the only action.
  static std::string reply(const std::vector<Action>& actions) {
    if (actions.size() != 1) return std::to_string(actions.size()) + " actions";
    if (const auto* const send = std::get_if<SendReply>(actions.data())) return send->reply.text;
    if (const auto* const refuse = std::get_if<Refuse>(actions.data())) return refuse->reason + ": " + refuse->reply.text;
    if (const auto* const answer = std::get_if<AnswerQuery>(actions.data())) return answer->text;
    return "another action";
  }
  ChatRequest& add(Outcome::Status status) {
    const std::string id = new_id();
    ChatRequest& request = lookup.requests[id];
    request = {.id = id, .origin = {.user = kUser, .chat = kUser}, .params = {.model = "flat", .prompt = "a fox", .seed = 3}};
    request.accepted = from_millis(static_cast<std::int64_t>(lookup.requests.size()));
    request.outcome.status = status;
    request.shown = {.message = 7, .answered = request.outcome.is_over()};
    return request;
  }

  Time now = kEvening;
  std::string album;
  FakeLookup lookup;
  ConversationRules rules{.username = "FoxBot", .model = "flat", .admins = {1}, .block = {66}, .user_queue = 2};
  Conversation conversation{rules, lookup, [] { return 42ull << 32u; }};
};

TEST_F(ConversationTest, WordsInAPrivateChatAreARequest) {
  const auto actions = write("a fox");
  ASSERT_EQ(actions.size(), 1u);
  const auto& submit = std::get<Submit>(actions[0]);
  EXPECT_EQ(submit.params.prompt, "a fox");
  EXPECT_EQ(submit.params.seed, 42u);
  EXPECT_EQ(submit.origin.message, 9);
  EXPECT_EQ(submit.day, "1970-01-01");
  EXPECT_TRUE(write("a fox", kUser, -7).empty()) << "words in a group are not";
}

TEST_F(ConversationTest, EachLimitRefusesWithItsReason) {
  EXPECT_THAT(reply(write("a fox", 66)), HasSubstr("not_allowed: "));
  EXPECT_THAT(reply(write(std::string(messages::kMaxPrompt + 1, 'x'))), HasSubstr("too_long: "));
  lookup.waiting = 2;
  EXPECT_THAT(reply(write("a fox")), HasSubstr("queue_full: "));
  EXPECT_TRUE(std::holds_alternative<Submit>(write("a fox", 1)[0])) << "admins have no limits";
  lookup.waiting = 0;
  rules.user_per_day = 3;
  lookup.today = 3;
  EXPECT_THAT(reply(write("a fox")), HasSubstr("More in 1 h"));
}

TEST_F(ConversationTest, AnAlbumIsAnsweredOnce) {
  album = "a";
  EXPECT_EQ(write("").size(), 1u);
  EXPECT_TRUE(write("").empty());
  EXPECT_TRUE(std::holds_alternative<Submit>(write("a fox")[0])) << "its words are read";
  EXPECT_TRUE(write("a fox").empty());
  now += std::chrono::minutes(2);
  conversation.tidy(now);
  EXPECT_EQ(write("").size(), 1u);
}

TEST_F(ConversationTest, CancelsTheLastRequestOrAll) {
  EXPECT_THAT(reply(write("/cancel")), HasSubstr("nothing to cancel"));
  const std::string first = add(Outcome::Status::drawing).id;
  const std::string second = add(Outcome::Status::queued).id;
  const auto last = write("/cancel");
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(std::get<Cancel>(last[0]).id, second);
  const auto all = write("/cancel все");
  ASSERT_EQ(all.size(), 3u);
  EXPECT_THAT(std::get<SendReply>(all[0]).reply.text, HasSubstr("2 requests"));
  EXPECT_EQ(std::get<Cancel>(all[1]).id, first);
  lookup.requests[second].outcome.cancelling = true;
  EXPECT_EQ(std::get<Cancel>(write("/cancel")[0]).id, first) << "the other one is being cancelled";
}

TEST_F(ConversationTest, ListsTheQueue) {
  EXPECT_THAT(reply(write("/queue")), HasSubstr("nobody else"));
  lookup.others = 4;
  EXPECT_THAT(reply(write("/queue")), HasSubstr("altogether: 4 requests"));
  add(Outcome::Status::queued);
  EXPECT_THAT(reply(write("/queue")), HasSubstr("1. a fox — In the queue: number 2"));
}

TEST_F(ConversationTest, ADoublePressDrawsOnce) {
  const std::string data = "again:" + add(Outcome::Status::finished).id;
  const auto actions = press(data);
  ASSERT_EQ(actions.size(), 2u);
  EXPECT_EQ(std::get<Submit>(actions[1]).origin.message, 7);
  EXPECT_EQ(press(data).size(), 1u) << "it is answered alone";
  now += std::chrono::seconds(3);
  conversation.tidy(now);
  EXPECT_EQ(press(data).size(), 2u);
}

TEST_F(ConversationTest, ButtonsThatWereNotOfferedAreOutOfDate) {
  ChatRequest& request = add(Outcome::Status::finished);
  EXPECT_THAT(reply(press("vary:" + request.id)), HasSubstr("out of date"));
  request.outcome.offers = {"variation"};
  const auto actions = press("vary:" + request.id);
  ASSERT_EQ(actions.size(), 2u);
  EXPECT_EQ(std::get<Submit>(actions[1]).params.seed, 3u);
  EXPECT_EQ(std::get<Submit>(actions[1]).params.variations, (std::vector<std::uint64_t>{42}));
}

TEST_F(ConversationTest, ButtonsBelongToTheirUserAndChat) {
  const std::string data = "cancel:" + add(Outcome::Status::queued).id;
  EXPECT_THAT(reply(press(data, 6)), HasSubstr("for the one who asked"));
  EXPECT_THAT(reply(press(data, kUser, 99)), HasSubstr("out of date"));
  EXPECT_EQ(press(data, 1).size(), 2u) << "an admin may cancel";
  EXPECT_EQ(press(data).size(), 2u);
}

TEST_F(ConversationTest, ALinkIsRenewedWhereThereIsOne) {
  const std::string data = "link:" + add(Outcome::Status::finished).id;
  EXPECT_EQ(press(data).size(), 2u);
  lookup.links = false;
  EXPECT_THAT(reply(press(data)), HasSubstr("out of date"));
}

TEST_F(ConversationTest, HelpShowsPromptThatTheModelDrawsWell) {
  EXPECT_THAT(reply(write("/start")), HasSubstr("a fox on a blue background"));
  lookup.prompt = "an owl in a tree";
  EXPECT_THAT(reply(write("/start")), HasSubstr("an owl in a tree"));
  EXPECT_THAT(reply(write("/txt2img")), HasSubstr("/txt2img an owl in a tree"));
}

}  // namespace
}  // namespace p2p::chat
