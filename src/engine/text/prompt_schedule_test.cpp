#include "engine/text/prompt_schedule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/json.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine {
namespace {

using testing::ElementsAre;

std::string times(std::string_view part, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += part;
  return text;
}

// P2P_SCHEDULE_GOLDEN names a larger file, as `tools/golden/prompts.py --schedules 10000 -o FILE` writes it.
TEST(PromptSchedule, EqualsTheReference) {
  const char* const larger = std::getenv("P2P_SCHEDULE_GOLDEN");
  const Json golden = read_json(larger != nullptr ? std::filesystem::path(larger) : golden::file("prompts/schedules.json"), 1u << 28);
  EXPECT_GE(golden.size(), 300u);
  int differences = 0;
  for (const Json& entry : golden) {
    const int steps = entry.at("steps");
    Json found = Json::array();
    for (const PromptPart& part : split_at_and(entry.at("prompt").get<std::string>())) {
      Json texts = Json::array();
      for (const ScheduledText& text : parse_prompt_schedule(part.text, steps).texts) texts.push_back({text.until, text.text});
      found.push_back({part.weight, texts});
    }
    if (found == entry.at("parts")) continue;
    if (++differences <= 10) ADD_FAILURE() << entry << "\n  found " << found;
  }
  EXPECT_EQ(differences, 0) << "of " << golden.size();
}

TEST(PromptSchedule, CountsEvaluationsAsAutomatic1111) {
  const auto drawn = [](const char* prompt, int steps, std::size_t evaluations) {
    const PromptSchedule schedule = parse_prompt_schedule(prompt, steps);
    std::string all;
    for (std::size_t i = 0; i < evaluations; ++i) all += schedule.texts[schedule.at(i)].text;
    return all;
  };
  EXPECT_EQ(drawn("[a:b:2]", 6, 6), "aaabbb");
  EXPECT_EQ(drawn("[a:b:0.5]", 4, 5), "aaabb");
  EXPECT_EQ(drawn("[a|b]", 4, 4), "aaba");
  EXPECT_EQ(drawn("[a|b]", 2, 4), "aaba") << "behind the last step the first text counts again";
}

TEST(PromptSchedule, SaysWhatIsReadAsWords) {
  for (const char* prompt : {"a", "[a:b:2]", "[a|b]", "(a:1.2)", "[a]", "a | b", "a:b", "a [b", ""})
    EXPECT_FALSE(parse_prompt_schedule(prompt, 4).literal) << prompt;
  for (const char* prompt : {"[a:b]", "[a:b:c:2]", "[a|b:2]", "[a:b:2] | c", "[a:b:2", "[a|b", "[a:b:2]\\"})
    EXPECT_TRUE(parse_prompt_schedule(prompt, 4).literal) << prompt;
}

TEST(PromptSchedule, LimitsItsDepthAndTakesAnyNumber) {
  const std::string inside = times("[", 64) + "a" + times(":2]", 64);
  EXPECT_THAT(parse_prompt_schedule(inside, 4).texts, ElementsAre(ScheduledText{2, ""}, ScheduledText{4, "a"}));
  const std::string deeper = times("[", 65) + "a" + times(":2]", 65);
  EXPECT_THAT(parse_prompt_schedule(deeper, 4).texts, ElementsAre(ScheduledText{2, times("[", 64) + ":2]" + times(":2]", 63)}, testing::_));
  for (const std::string& number : {"1" + times("0", 400), std::string("1e999"), std::string("9e99")})
    EXPECT_THAT(parse_prompt_schedule("[a:b:" + number + "]", 4).texts, ElementsAre(ScheduledText{4, "a"})) << number;
  for (const std::string& number : {std::string("-1e999"), std::string("1e-999"), std::string("-3")})
    EXPECT_THAT(parse_prompt_schedule("[a:b:" + number + "]", 4).texts, ElementsAre(ScheduledText{4, "b"})) << number;
  EXPECT_THAT(split_at_and("a:" + times("9", 400)), ElementsAre(PromptPart{"a:" + times("9", 400), 1}));
}

}  // namespace
}  // namespace p2p::engine
