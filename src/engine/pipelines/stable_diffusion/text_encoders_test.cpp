#include "engine/pipelines/stable_diffusion/text_encoders.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "base/error.hpp"
#include "base/json.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

using golden::error_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::filesystem::path kFolder = golden::file("prompts");
const TextEncoders::Folders kFirst{kFolder / "sd/tokenizer", kFolder / "xl/text_encoder"};

TextEncoders load(const std::string& model) {
  if (model == "sd") return TextEncoders::single({kFolder / "sd/tokenizer", kFolder / "sd/text_encoder"}, Precision::f32, 1);
  if (model == "masked") return TextEncoders::single({kFolder / "masked/tokenizer", kFolder / "masked/text_encoder"}, Precision::f32, 1);
  return TextEncoders::pair(kFirst, {kFolder / "masked/tokenizer", kFolder / model / "text_encoder_2"}, model == "xl", Precision::f32, 1);
}

// sd: quick_gelu; masked: gelu, "!" pads and is hidden; xl: both kinds of padding, the first encoder's file an old one; xl2: one layer, and
// no zeros for an empty negative prompt.
class TextEncodersOf : public testing::TestWithParam<const char*> {};

TEST_P(TextEncodersOf, EqualDiffusers) {
  const golden::Tensors tensors("prompts/encodings.safetensors");
  const TextEncoders encoders = load(GetParam());
  for (const Json& test : read_json(kFolder / "cases.json")) {
    if (test.at("model") != GetParam()) continue;
    SCOPED_TRACE(test.dump());
    const std::string key = test.at("key");
    const GenerateParams params{.prompt = test.at("prompt"), .negative_prompt = test.at("negative"), .plain = test.at("plain")};
    const auto expected = tensors.floats(key + "/embeds");
    const auto pooled = tensors.floats(key + "/pooled");
    const TextEncoding found = encoders.encode(params, true);
    EXPECT_EQ(found.batch, 2u);
    EXPECT_EQ(found.tokens, tensors.shape(key + "/embeds").at(1));
    EXPECT_EQ(encoders.width(), tensors.shape(key + "/embeds").at(2));
    EXPECT_TRUE(golden::near(found.embeds, expected));
    EXPECT_TRUE(golden::near(found.pooled, pooled));

    // Without guidance the negative prompt is not there, and makes the prompt no longer.
    const TextEncoding alone = encoders.encode(params, false);
    EXPECT_EQ(alone.batch, 1u);
    EXPECT_TRUE(golden::near(alone.embeds, std::span(expected).subspan(expected.size() / 2, alone.tokens * encoders.width())));
    EXPECT_TRUE(golden::near(alone.pooled, std::span(pooled).subspan(pooled.size() / 2)));
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, TextEncodersOf, testing::Values("sd", "masked", "xl", "xl2"),
                         [](const auto& test) { return std::string(test.param); });

TEST(TextEncoders, SayWhatWasLeftOut) {
  const TextEncoders encoders = load("xl");
  std::string longest;
  for (int i = 0; i < 14 * 16 + 5; ++i) longest += "a ";
  EXPECT_THAT(encoders.encode({.prompt = longest, .negative_prompt = longest}, true).notices,
              ElementsAre("the negative prompt is longer than the model reads: its last 5 tokens were left out",
                          "the prompt is longer than the model reads: its last 5 tokens were left out"));
  EXPECT_THAT(encoders.encode({.prompt = "a a a a a a a a a a a a a a a a", .plain = true}, false).notices,
              ElementsAre("the prompt is longer than the model reads: its last 2 tokens were left out"));
  EXPECT_THAT(encoders.encode({.prompt = "a BREAK b", .negative_prompt = "a"}, true).notices, IsEmpty());
}

TEST(TextEncoders, EncodeTheEmptyPromptOnce) {
  const TextEncoders encoders = load("sd");
  const TextEncoding first = encoders.encode({.prompt = "a"}, true);
  const TextEncoding second = encoders.encode({.prompt = "a"}, true);
  EXPECT_DOUBLE_EQ(first.multiply_adds, 2 * second.multiply_adds);
  EXPECT_EQ(first.embeds, second.embeds);
}

TEST(TextEncoders, RefuseTokenizersOfTwoLengths) {
  const golden::TempFolder folder;
  std::filesystem::copy(kFolder / "masked/tokenizer", folder.path(), std::filesystem::copy_options::recursive);
  std::ofstream(folder.path() / "tokenizer_config.json") << R"({"model_max_length": 12})";
  EXPECT_THAT(
      error_of<ModelError>([&] { TextEncoders::pair(kFirst, {folder.path(), kFolder / "xl/text_encoder_2"}, true, Precision::f32, 1); }),
      AllOf(HasSubstr("model_max_length: expected 16"), HasSubstr("found 12")));
}

TEST(TextEncoders, RefuseAPairWithoutProjection) {
  EXPECT_THAT(error_of<ModelError>([&] {
                TextEncoders::pair(kFirst, {kFolder / "masked/tokenizer", kFolder / "masked/text_encoder"}, true, Precision::f32, 1);
              }),
              HasSubstr("text_projection.weight: missing, expected shape [512, 12]"));
}

}  // namespace
}  // namespace p2p::engine::stable_diffusion
