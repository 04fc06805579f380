#include "engine/pipelines/stable_diffusion/text_chunks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace p2p::engine::stable_diffusion {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Chunks of two tokens; "ab" is 3, start 5, end and unknown 4, padding 0.
ClipTokenizer tiny(const std::string& config = R"("pad_token": "!")") {
  return {{{"vocab.json", R"({"!": 0, "a": 1, "b</w>": 2, "ab</w>": 3, "<|endoftext|>": 4, "<|startoftext|>": 5})"},
           {"merges.txt", "a b</w>\n"},
           {"tokenizer_config.json", R"({"model_max_length": 4, )" + config + "}"}},
          "tiny"};
}

TEST(TextChunks, ArePaddedAsTheTokenizerPads) {
  EXPECT_THAT(empty_chunk(tiny()).tokens.ids, ElementsAre(5, 4, 0, 0));
  EXPECT_THAT(empty_chunk(tiny(R"("pad_token": "<|endoftext|>")")).tokens.ids, ElementsAre(5, 4, 4, 4));
  const TextChunks split = split_into_chunks(tiny(R"("padding_side": "left")"), "(ab:2)", false);
  ASSERT_EQ(split.chunks.size(), 1u);
  EXPECT_THAT(split.chunks[0].tokens.ids, ElementsAre(4, 5, 3, 4));
  EXPECT_THAT(split.chunks[0].weights, ElementsAre(1, 1, 2, 1));
}

TEST(TextChunks, EndWhereTheyAreFullAndAtBreak) {
  const ClipTokenizer tokenizer = tiny();
  const auto ids = [&](const char* prompt) {
    std::vector<std::vector<std::int64_t>> all;
    for (const auto& chunk : split_into_chunks(tokenizer, prompt, false).chunks) all.push_back(chunk.tokens.ids);
    return all;
  };
  const std::vector<std::int64_t> none{5, 4, 0, 0}, one{5, 3, 4, 0}, two{5, 3, 3, 4};
  EXPECT_THAT(ids(""), ElementsAre(none));
  EXPECT_THAT(ids("ab ab"), ElementsAre(two));
  EXPECT_THAT(ids("ab ab ab"), ElementsAre(two, one));
  EXPECT_THAT(ids("ab BREAK ab ab"), ElementsAre(one, two));
  EXPECT_THAT(ids("ab ab BREAK ab"), ElementsAre(two, one));
  EXPECT_THAT(ids("BREAK ab"), ElementsAre(none, one));
  EXPECT_THAT(ids("ab BREAK"), ElementsAre(one));
  EXPECT_THAT(ids("ab BREAK BREAK"), ElementsAre(one, none));
}

TEST(TextChunks, AreLeftOutBeyondTheMost) {
  std::string prompt;
  for (int i = 0; i < 40; ++i) prompt += "ab ";
  const TextChunks split = split_into_chunks(tiny(), prompt, false);
  EXPECT_EQ(split.chunks.size(), kMaxTextChunks);
  EXPECT_EQ(split.dropped, 40 - 2 * kMaxTextChunks);
}

TEST(TextChunks, TakeThePlainTextLiterally) {
  const ClipTokenizer tokenizer = tiny();
  const TextChunks split = split_into_chunks(tokenizer, "(ab:2)", true);
  ASSERT_EQ(split.chunks.size(), 1u);
  EXPECT_EQ(split.chunks[0].tokens.ids, tokenizer("(ab:2)").ids);
  EXPECT_THAT(split.chunks[0].weights, IsEmpty());
  EXPECT_EQ(split.dropped, 3u);
}

TEST(TextChunks, KeepTheirMeanWhereTheyCan) {
  std::array<float, 4> states{1, 2, 3, 4};
  apply_weights(states, std::array{1.0F, 2.0F});
  EXPECT_THAT(states, ElementsAre(1 * 10.0F / 17, 2 * 10.0F / 17, 6 * 10.0F / 17, 8 * 10.0F / 17));
  std::array<float, 4> no_mean{1, -1, 1, -1};
  apply_weights(no_mean, std::array{1.0F, 2.0F});
  EXPECT_THAT(no_mean, ElementsAre(1, -1, 2, -2));
  std::array<float, 2> none_after{1, 1};
  apply_weights(none_after, std::array{1.0F, -1.0F});
  EXPECT_THAT(none_after, ElementsAre(1, -1));
}

}  // namespace
}  // namespace p2p::engine::stable_diffusion
