#include "app/prompt_list.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "base/error.hpp"

namespace p2p::app {
namespace {

TEST(PromptList, HasOnePromptPerLine) {
  std::istringstream in("\xef\xbb\xbf# animals\na fox\r\n\n  an owl \t\n \n #not this\nсова # на фоне");
  const auto prompts = read_prompts(in, "p.txt");
  ASSERT_EQ(prompts.size(), 3u);
  EXPECT_EQ(prompts[0].text, "a fox");
  EXPECT_EQ(prompts[0].line, 2u);
  EXPECT_EQ(prompts[1].text, "an owl");
  EXPECT_EQ(prompts[1].line, 4u);
  EXPECT_EQ(prompts[2].text, "сова # на фоне") << "a # within a line belongs to the prompt";
  EXPECT_EQ(prompts[2].line, 7u);
}

TEST(PromptList, RefusesNoneAndTooMany) {
  for (const std::string& text : {std::string(), std::string("\n# only\n \n")}) {
    std::istringstream in(text);
    EXPECT_THROW(read_prompts(in, "p.txt"), UsageError) << text;
  }
  std::string many;
  for (int i = 0; i <= 100'000; ++i) many += "a\n";
  std::istringstream in(many);
  EXPECT_THROW(read_prompts(in, "p.txt"), UsageError);
}

}  // namespace
}  // namespace p2p::app
