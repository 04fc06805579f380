#include <gmock/gmock.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <filesystem>
#include <set>

#include "base/random_id.hpp"
#include "services/bot/callback.hpp"
#include "services/bot/command.hpp"
#include "services/bot/pace.hpp"
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
  EXPECT_EQ(language_of("ru-RU"), Language::ru);
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
  EXPECT_THAT(status_text(row, {.estimate = {3, std::chrono::minutes(2)}}), HasSubstr("number 3, about 2 min"));
  EXPECT_THAT(status_text(row, {.workers_away = true}), HasSubstr("artists are away"));
  row.status = RequestRow::Status::sent;
  row.started = true;
  EXPECT_EQ(status_text(row, {.estimate = {0, std::chrono::seconds(5)}, .fraction = 0.4}), "Drawing ▓▓▓▓░░░░░░ 40 %, 5 s left");
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
std::vector<Time> calls_in(Pace& pace, int chats, bool in_group, Pace::Call call) {
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

TEST(Pace, AChatGetsOneNewMessageASecond) {
  Pace pace;
  const auto times = calls_in(pace, 1, false, Pace::Call::message);
  EXPECT_EQ(most_within(times, kSecond), 1u);
  EXPECT_GE(times.size(), 110u);
}

TEST(Pace, AChatGetsAnAnswerASecondAfterAFewAtOnce) {
  Pace pace;
  const auto times = calls_in(pace, 1, false, Pace::Call::answer);
  EXPECT_EQ(most_within(times, kSecond), 3u);
  EXPECT_LE(times.size(), 123u);
  EXPECT_GE(times.size(), 118u);
}

TEST(Pace, AGroupGetsLessThanTwentyAMinute) {
  Pace pace;
  const auto times = calls_in(pace, 1, true, Pace::Call::answer);
  EXPECT_EQ(most_within(times, kMinute), 19u);
  EXPECT_EQ(times.size(), 38u);
}

TEST(Pace, AllChatsTogetherGetLessThanThirtyASecond) {
  Pace pace;
  EXPECT_EQ(most_within(calls_in(pace, 100, false, Pace::Call::answer), kSecond), 27u);
}

TEST(Pace, ProgressLeavesPlaces) {
  Pace pace;
  const auto times = calls_in(pace, 100, false, Pace::Call::progress);
  EXPECT_EQ(most_within(times, kSecond), 17u);
  EXPECT_FALSE(pace.take(1000, false, Pace::Call::answer, times.back()));
}

TEST(Pace, AClockThatIsSetBackHoldsNothingUp) {
  Pace pace;
  const auto late = calls_in(pace, 1, true, Pace::Call::message).back();
  EXPECT_FALSE(pace.take(1, true, Pace::Call::message, late - std::chrono::minutes(5)));
}

TEST(Pace, ObeysRetryAfter) {
  using enum Pace::Call;
  Pace pace;
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
  void TearDown() override { fs::remove_all(folder); }
  fs::path folder =
      fs::path(::testing::TempDir()) / ("state-" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
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
      state->add(BusLetter{3, {.topic = "t", .partition = 2, .key = "k", .value = "v", .headers = {{"h", "1"}}}});
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
    EXPECT_EQ(state->letters()[0].message.partition, 2);
    EXPECT_EQ(state->replies()[0].text, "hi");
    EXPECT_EQ((state->offsets()[{"t", 1}]), 42);
    state->move_chat(-5, -6);
    EXPECT_EQ(state->find("a")->chat, -6);
  });
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
  check_state(url);
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
