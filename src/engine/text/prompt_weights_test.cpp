#include "engine/text/prompt_weights.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <ctime>

#include "base/json.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine {
namespace {

using Sections = std::vector<PromptSection>;

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

// P2P_PROMPT_GOLDEN names a larger file, as `tools/golden/prompts.py --strings 10000 -o FILE` writes it.
TEST(PromptWeights, EqualTheReference) {
  const char* const larger = std::getenv("P2P_PROMPT_GOLDEN");
  const Json golden = read_json(larger != nullptr ? std::filesystem::path(larger) : golden::file("prompts/strings.json"), 1u << 28);
  EXPECT_FALSE(golden.empty());
  int differences = 0;
  for (const Json& entry : golden) {
    Sections expected;
    for (const Json& section : entry[1]) {
      expected.emplace_back();
      for (const Json& piece : section) expected.back().push_back({piece[0], piece[1]});
    }
    if (parse_prompt_weights(entry[0].get<std::string>()) == expected) continue;
    if (++differences <= 10) ADD_FAILURE() << "prompt " << entry[0] << "\n  expected " << entry[1];
  }
  EXPECT_EQ(differences, 0) << "of " << golden.size();
}

TEST(PromptWeights, CountNoFurtherBeyondTheirLimits) {
  EXPECT_EQ(parse_prompt_weights(repeated("(", 100) + "a" + repeated(")", 100)), parse_prompt_weights(repeated("(", 64) + "a"));
  EXPECT_EQ(parse_prompt_weights("((a:1000):1000)"), Sections({{{"a", 1000}}}));
  EXPECT_EQ(parse_prompt_weights("((a:-1000):1000)"), Sections({{{"a", -1000}}}));
  const Sections deep = parse_prompt_weights(repeated("([", 64) + "a" + repeated(":1000)", 64));
  EXPECT_EQ(deep, Sections({{{"a", 1000}}}));
  EXPECT_EQ(parse_prompt_weights("(a:1" + repeated("0", 400) + ")"), Sections({{{"a:1" + repeated("0", 400), 1.1}}}));
  EXPECT_EQ(parse_prompt_weights("a\xFF"), Sections({{{"a\uFFFD", 1}}}));
}

TEST(PromptWeights, TakeLinearTime) {
  const std::clock_t start = std::clock();  // of the processor, which other programs do not slow down
  for (const char* part : {"(", "[", "([", "(a", "a:1.1)", "(a)", "BREAK ", ":", ": ", "\\", " "}) {
    parse_prompt_weights(repeated(part, 300'000));
    parse_prompt_weights(repeated("(", 1000) + repeated("(a:1.5)", 100'000) + repeated(part, 100'000));
  }
  EXPECT_LT((std::clock() - start) / CLOCKS_PER_SEC, 60);
}

}  // namespace
}  // namespace p2p::engine
