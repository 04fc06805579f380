#include <gmock/gmock.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/random_id.hpp"
#include "base/testing/temp_folder.hpp"
#include "services/bot/callback.hpp"
#include "services/bot/command.hpp"
#include "services/bot/rate_limiter.hpp"
#include "services/bot/state.hpp"
#include "services/bot/view.hpp"

namespace p2p::bot {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

TEST(ParseCommand, ReadsWhatPeopleWrite) {
  using enum Command::Kind;
  const auto kind = [](const char* text, bool in_private = true) { return parse_command(text, "FoxBot", in_private).kind; };
  EXPECT_EQ(parse_command("/txt2img  a fox\nin snow ", "FoxBot", false).argument, "a fox\nin snow");
  EXPECT_EQ(parse_command("/TXT2IMG@foxbot\na fox", "FoxBot", false).argument, "a fox");
  EXPECT_EQ(kind("/txt2img@OtherBot a"), none);
  EXPECT_EQ(kind("/txt2imgs a"), unknown);
  EXPECT_EQ(kind("/txt2imgs a", false), none);
  EXPECT_EQ(kind("a fox"), txt2img);
  EXPECT_EQ(kind("a fox", false), none);
  EXPECT_EQ(kind("  "), none);
  EXPECT_EQ(kind("/"), unknown);
  EXPECT_EQ(kind("/cancel@FoxBot"), cancel);
}

TEST(ParseCommand, ReadsWhatPhonesAddToACommand) {
  for (const char* text : {"/txt2img a fox", "/txt2img\u00a0a fox", "/txt2img, a fox", "/txt2img\na fox", "/txt2img: a fox\u00a0",
                           "\u200b/txt2img\u202fa fox", "/txt2img@FoxBot, a fox", "@FoxBot /txt2img a fox"}) {
    const Command command = parse_command(text, "FoxBot", false);
    EXPECT_EQ(command.kind, Command::Kind::txt2img) << text;
    EXPECT_EQ(command.argument, "a fox") << text;
  }
}

TEST(ParseCommand, ReadsWhatIsMeantForTheBot) {
  for (const char* text : {"@FoxBot a fox", "@foxbot, a fox", "@FoxBot\na fox", "a fox @FoxBot", "a fox\u00a0@foxbot "})
    EXPECT_EQ(parse_command(text, "FoxBot", false).argument, "a fox") << text;
  for (const char* text : {"@FoxBots a fox", "@OtherBot a fox", "a@FoxBot", "is @FoxBot here", "fox"})
    EXPECT_EQ(parse_command(text, "FoxBot", false).kind, Command::Kind::none) << text;
  EXPECT_EQ(parse_command("@FoxBot", "FoxBot", false).kind, Command::Kind::txt2img) << "the text may be the replied one's";
}

TEST(ParseCallback, ReadsOnlyWhatButtonsSay) {
  using enum Callback::Kind;
  const std::string id = new_id();
  for (const auto kind : {again, variation, larger, cancel, link}) {
    const std::string data = to_data(kind, id);
    EXPECT_LE(data.size(), 64u);
    EXPECT_EQ(parse_callback(data).kind, kind);
    EXPECT_EQ(parse_callback(data).id, id);
  }
  for (const std::string& data : std::vector<std::string>{"", id, ":" + id, "again", "again:", "again:../../etc", "again:" + id + " ",
                                                          "Again:" + id, "again:again:" + id, "drop:" + id, std::string(64, '\xff')})
    EXPECT_EQ(parse_callback(data).kind, none) << data;
}

TEST(Texts, EveryOneIsThereInBothLanguages) {
  for (int i = 0; i <= static_cast<int>(Text::command_help); ++i) {
    const std::vector<std::string> values{"A", "B", "C"};
    const std::string en = say(Language::en, static_cast<Text>(i), values);
    EXPECT_FALSE(en.empty()) << i;
    EXPECT_NE(en, say(Language::ru, static_cast<Text>(i), values)) << i;
  }
}

TEST(Texts, RussianCountsRightly) {
  const std::map<int, std::string> forms{{1, "1 запрос"},   {2, "2 запроса"},   {5, "5 запросов"},    {11, "11 запросов"},
                                         {21, "21 запрос"}, {22, "22 запроса"}, {112, "112 запросов"}};
  for (const auto& [count, text] : forms) EXPECT_EQ(count_requests(Language::ru, count), text);
  EXPECT_EQ(count_requests(Language::en, 1), "1 request");
  EXPECT_EQ(duration(Language::ru, std::chrono::minutes(65)), "1 ч 5 мин");
  EXPECT_EQ(duration(Language::en, std::chrono::milliseconds(0)), "1 s");
  for (const char* code : {"ru", "RU", "ru-RU", "Ru_ru"}) EXPECT_EQ(language_of(code), Language::ru) << code;
  EXPECT_EQ(language_of("rup"), Language::en);
}

TEST(Texts, WhatIsPutInIsNotReadAgain) { EXPECT_THAT(say(Language::en, Text::cannot_do, {"{0} {1} %s"}), HasSubstr("{0} {1} %s")); }

TEST(View, CaptionsFitWhateverTheWords) {
  RequestRow row{.id = "x", .model = "flat", .seed = 42, .width = 64, .height = 64, .seconds = 1.25};
  for (int i = 0; i < 3000; ++i) row.prompt += "😀";
  EXPECT_LE(telegram::length_of(caption(row)), 1024u);
  EXPECT_THAT(caption(row), HasSubstr("seed 42 · flat · 64×64 · 1.2 s"));
}

TEST(View, OffersWhatTheModelCanMakeOfAPicture) {
  RequestRow row{.id = "x", .model = "flat", .seed = 42, .variations = {7, 8}, .offers = {"variation", "something of later"}};
  EXPECT_THAT(caption(row), HasSubstr("seed 42 → 7 → 8 · flat"));
  auto keyboard = answer_keyboard(row, "https://x");
  ASSERT_EQ(keyboard.size(), 2u);
  EXPECT_EQ(keyboard[0][1].data, "again:x");
  ASSERT_EQ(keyboard[1].size(), 1u);
  EXPECT_EQ(keyboard[1][0].data, "vary:x");
  row.offers = {"larger"};
  EXPECT_EQ(answer_keyboard(row, {})[1][0].data, "larger:x");
  row.offers.clear();
  EXPECT_EQ(answer_keyboard(row, {}).size(), 1u);
}

TEST(View, TellsWhatIsGoingOn) {
  RequestRow row{.id = "x"};
  EXPECT_THAT(status_text(row, {.estimate = {.position = 3, .until_done = std::chrono::minutes(2)}}), HasSubstr("number 3, about 2 min"));
  EXPECT_THAT(status_text(row, {.workers_away = true}), HasSubstr("artists are away"));
  row.status = RequestRow::Status::drawing;
  EXPECT_EQ(status_text(row, {.estimate = {.until_done = std::chrono::seconds(5)}, .fraction = 0.4}), "Drawing ▓▓▓▓░░░░░░ 40 %, 5 s left");
  EXPECT_EQ(status_keyboard(row)[0][0].data, "cancel:x");
  row.cancelling = true;
  EXPECT_TRUE(status_keyboard(row).empty());
}

/// The most of `times` that any second (or `span`) holds.
std::size_t most_within(const std::vector<Time>& times, std::chrono::milliseconds span) {
  std::size_t most = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto end = std::ranges::lower_bound(times, times[i] + span);
    most = std::max(most, static_cast<std::size_t>(end - times.begin()) - i);
  }
  return most;
}

/// When calls go out that are asked for in `chats` each 10 ms for two minutes.
std::vector<Time> calls_in(RateLimiter& pace, int chats, bool in_group, RateLimiter::Call call) {
  std::vector<Time> times;
  const Time start = from_millis(1'000'000);
  for (auto at = start; at < start + std::chrono::minutes(2); at += std::chrono::milliseconds(10)) {
    for (int chat = 1; chat <= chats; ++chat) {
      if (!pace.take(chat, in_group, call, at)) times.push_back(at);
    }
  }
  return times;
}

constexpr std::chrono::seconds kSecond{1};
constexpr std::chrono::seconds kMinute{60};

TEST(RateLimiter, AChatGetsOneNewMessageASecond) {
  RateLimiter pace;
  const auto times = calls_in(pace, 1, false, RateLimiter::Call::message);
  EXPECT_EQ(most_within(times, kSecond), 1u);
  EXPECT_GE(times.size(), 110u);
}

TEST(RateLimiter, AChatGetsAnAnswerASecondAfterAFewAtOnce) {
  RateLimiter pace;
  const auto times = calls_in(pace, 1, false, RateLimiter::Call::answer);
  EXPECT_EQ(most_within(times, kSecond), 3u);
  EXPECT_LE(times.size(), 123u);
  EXPECT_GE(times.size(), 118u);
}

TEST(RateLimiter, AGroupGetsLessThanTwentyAMinute) {
  RateLimiter pace;
  const auto times = calls_in(pace, 1, true, RateLimiter::Call::answer);
  EXPECT_EQ(most_within(times, kMinute), 19u);
  EXPECT_EQ(times.size(), 38u);
}

TEST(RateLimiter, AllChatsTogetherGetLessThanThirtyASecond) {
  RateLimiter pace;
  EXPECT_EQ(most_within(calls_in(pace, 100, false, RateLimiter::Call::answer), kSecond), 27u);
}

TEST(RateLimiter, ProgressLeavesPlaces) {
  RateLimiter pace;
  const auto times = calls_in(pace, 100, false, RateLimiter::Call::progress);
  EXPECT_EQ(most_within(times, kSecond), 17u);
  EXPECT_FALSE(pace.take(1000, false, RateLimiter::Call::answer, times.back()));
}

TEST(RateLimiter, AClockThatIsSetBackHoldsNothingUp) {
  RateLimiter pace;
  const auto late = calls_in(pace, 1, true, RateLimiter::Call::message).back();
  EXPECT_FALSE(pace.take(1, true, RateLimiter::Call::message, late - std::chrono::minutes(5)));
}

TEST(RateLimiter, ObeysRetryAfter) {
  using enum RateLimiter::Call;
  RateLimiter pace;
  const Time start = from_millis(1'000'000);
  pace.flooded(1, std::chrono::seconds(7), start);
  EXPECT_GE(pace.take(1, false, answer, start).value(), start + std::chrono::seconds(7));
  EXPECT_FALSE(pace.take(2, false, answer, start)) << "another chat is free";
  pace.flooded(2, std::chrono::seconds(7), start);
  EXPECT_TRUE(pace.take(3, false, answer, start)) << "two chats at once: all wait";
  EXPECT_FALSE(pace.take(1, false, answer, start + std::chrono::seconds(8)));
}

class StateTest : public ::testing::Test {
 protected:
  TempFolder temporary;
  fs::path folder = temporary.path() / "state";
  Secret url{"sqlite:///" + (folder / "x.db").string()};
};

TEST_F(StateTest, KeepsRowsLettersRepliesAndOffsets) {
  {
    const auto state = open_state(url);
    state->transaction([&] {
      EXPECT_FALSE(state->has_update(7));
      state->note_update(7);
      state->note_update(7);
      state->save({.id = "a",
                   .user = 1,
                   .chat = -5,
                   .thread = 9,
                   .prompt = "лиса",
                   .seed = 1ull << 52,
                   .accepted = from_millis(1000),
                   .used = {{"steps", "3"}}});
      state->save({.id = "b", .accepted = from_millis(500), .settled = true});
      state->add(OutboxMessage{3, {.topic = "t", .partition = 2, .key = "k", .value = "v", .headers = {{"h", "1"}}}});
      state->add(Reply{.number = 4, .chat = 5, .text = "hi"});
      state->save_offsets({{{"t", 1}, 42}});
      EXPECT_EQ(state->count_day(1, "2026-11-24"), 1);
      EXPECT_EQ(state->count_day(1, "2026-11-24"), 2);
    });
  }
  const auto state = open_state(url);
  state->transaction([&] {
    EXPECT_TRUE(state->has_update(7));
    const auto rows = state->unsettled();
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(to_json(rows[0]), to_json(*state->find("a")));
    EXPECT_EQ(rows[0].seed, 1ull << 52);
    EXPECT_EQ(rows[0].thread, 9);
    EXPECT_EQ(state->outbox()[0].message.partition, 2);
    EXPECT_EQ(state->replies()[0].text, "hi");
    EXPECT_EQ((state->offsets()[{"t", 1}]), 42);
    state->move_chat(-5, -6);
    EXPECT_EQ(state->find("a")->chat, -6);
  });
}

TEST_F(StateTest, IsForThisUserAlone) {
  const auto expect_private = [&] {
    const auto state = open_state(url);
    state->transaction([&] { state->note_update(1); });
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) {
      names.push_back(entry.path().filename());
      EXPECT_EQ(entry.status().permissions(), fs::perms{0600}) << entry.path();
    }
    EXPECT_THAT(names, ::testing::UnorderedElementsAre("x.db", "x.db-shm", "x.db-wal", "x.db.lock"));
  };
  expect_private();
  EXPECT_EQ(fs::status(folder).permissions(), fs::perms{0700});
  fs::permissions(folder / "x.db", fs::perms{0644});  // as an earlier version made it, and did not end well
  for (const char* name : {"x.db-wal", "x.db-shm"}) {
    std::ofstream(folder / name);
    fs::permissions(folder / name, fs::perms{0644});
  }
  expect_private();
}

TEST_F(StateTest, ATransactionIsAllOrNothing) {
  const auto state = open_state(url);
  EXPECT_THROW(state->transaction([&] {
    state->save({.id = "a"});
    throw std::runtime_error("stop");
  }),
               std::runtime_error);
  state->transaction([&] { EXPECT_FALSE(state->find("a")); });
}

TEST_F(StateTest, BelongsToOneProcess) {
  const auto state = open_state(url);
  EXPECT_THROW(open_state(url), UsageError);
  EXPECT_NO_THROW(check_state(url));
}

TEST_F(StateTest, ANewerDatabaseIsRefused) {
  open_state(url);
  soci::session sql(soci::sqlite3, "dbname=" + (folder / "x.db").string());
  sql << "INSERT INTO schema_version (version) VALUES (99)";
  EXPECT_THROW(open_state(url), UsageError);
}

TEST_F(StateTest, OtherUrlsAreRefused) {
  for (const char* text : {"postgresql://h/db", "sqlite://x", "sqlite:///", "mysql://x"})
    EXPECT_THROW(open_state(Secret(text)), UsageError) << text;
}

}  // namespace
}  // namespace p2p::bot
