#include <gmock/gmock.h>

#include <map>

#include "services/chat/texts/texts.hpp"

namespace p2p::chat {
namespace {

using ::testing::HasSubstr;

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

}  // namespace
}  // namespace p2p::chat
