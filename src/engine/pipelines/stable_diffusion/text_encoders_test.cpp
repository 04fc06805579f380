#include "engine/pipelines/stable_diffusion/text_encoders.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

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
const TextEncoders::Source kFirst{kFolder / "sd/tokenizer", kFolder / "xl/text_encoder"};

TextEncoders load(const std::string& model, std::span<const TextualInversion> learned = {}) {
  if (model == "sd") return TextEncoders::single({kFolder / "sd/tokenizer", kFolder / "sd/text_encoder"}, Precision::f32, 1, learned);
  if (model == "masked")
    return TextEncoders::single({kFolder / "masked/tokenizer", kFolder / "masked/text_encoder"}, Precision::f32, 1, learned);
  return TextEncoders::pair(kFirst, {kFolder / "masked/tokenizer", kFolder / model / "text_encoder_2"}, model == "xl", Precision::f32, 1,
                            learned);
}

TextualInversion word(const std::string& name, const std::string& token = {}) {
  return read_textual_inversion(open_safetensors(kFolder / "words" / (name + ".safetensors")), token);
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
    GenerateParams params{.prompt = test.at("prompt"), .negative_prompt = test.at("negative"), .plain = test.at("plain")};
    if (test.contains("clip_skip")) params.clip_skip = test.at("clip_skip");
    const auto expected = tensors.floats(key + "/embeds");
    const auto pooled = tensors.floats(key + "/pooled");
    const TextEncoding found = encoders.encode(params, {.guided = true});
    EXPECT_EQ(found.batch, 2u);
    EXPECT_EQ(found.tokens, tensors.shape(key + "/embeds").at(1));
    EXPECT_EQ(encoders.width(), tensors.shape(key + "/embeds").at(2));
    EXPECT_TRUE(golden::near(found.conditions[0].embeds, expected));
    EXPECT_TRUE(golden::near(found.conditions[0].pooled, pooled));

    // Without guidance the negative prompt is not there, and makes the prompt no longer.
    const TextEncoding alone = encoders.encode(params, {});
    EXPECT_EQ(alone.batch, 1u);
    EXPECT_TRUE(
        golden::near(alone.conditions[0].embeds, std::span(expected).subspan(expected.size() / 2, alone.tokens * encoders.width())));
    EXPECT_TRUE(golden::near(alone.conditions[0].pooled, std::span(pooled).subspan(pooled.size() / 2)));
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, TextEncodersOf, testing::Values("sd", "masked", "xl", "xl2"),
                         [](const auto& test) { return std::string(test.param); });

TEST(TextEncoders, UseLearnedWordsAsDiffusers) {
  const golden::Tensors tensors("prompts/encodings.safetensors");
  const std::vector one{word("one"), word("three"), word("style-1")};
  const std::vector two{word("pair")};
  const std::map<std::string, TextEncoders> models = [&] {
    std::map<std::string, TextEncoders> loaded;
    loaded.emplace("sd", load("sd", one));
    loaded.emplace("xl", load("xl", two));
    return loaded;
  }();
  for (const Json& test : read_json(kFolder / "words.json")) {
    SCOPED_TRACE(test.dump());
    const GenerateParams params{.prompt = test.at("prompt"), .negative_prompt = test.at("negative"), .plain = true};
    const TextEncoding found = models.at(test.at("model")).encode(params, {.guided = true});
    const std::string key = test.at("key");
    EXPECT_TRUE(golden::near(found.conditions[0].embeds, tensors.floats(key + "/embeds")));
    EXPECT_TRUE(golden::near(found.conditions[0].pooled, tensors.floats(key + "/pooled")));
  }
}

TEST(TextEncoders, RefuseWordsOfOtherModels) {
  const auto error = [](const std::string& model, const std::vector<TextualInversion>& learned) {
    return error_of<ModelError>([&] { load(model, learned); });
  };
  EXPECT_THAT(error("masked", {word("one")}), HasSubstr("one.safetensors: expected vectors of 12 values"));
  EXPECT_THAT(error("sd", {word("pair")}), HasSubstr("pair.safetensors: expected one tensor, as the model has one text encoder"));
  EXPECT_THAT(error("xl", {word("one")}), HasSubstr("one.safetensors: expected clip_l and clip_g"));
  EXPECT_THAT(error("sd", {word("one", "!")}), HasSubstr("the learned word \"!\" is a token of the tokenizer"));
  EXPECT_THAT(error("sd", {word("one", "x1"), word("one", "x1")}), HasSubstr("the learned word \"x1\" is a token of the tokenizer"));
  EXPECT_THAT(error("sd", {word("three", "x1"), word("one", "x1_2")}), HasSubstr("\"x1_2\""));
}

TEST(TextEncoders, SayWhatWasLeftOut) {
  const TextEncoders encoders = load("xl");
  std::string longest;
  for (int i = 0; i < 14 * 16 + 5; ++i) longest += "a ";
  EXPECT_THAT(encoders.encode({.prompt = longest, .negative_prompt = longest}, {.guided = true}).notices,
              ElementsAre("the negative prompt is longer than the model reads: its last 5 tokens were left out",
                          "the prompt is longer than the model reads: its last 5 tokens were left out"));
  EXPECT_THAT(encoders.encode({.prompt = "a a a a a a a a a a a a a a a a", .plain = true}, {}).notices,
              ElementsAre("the prompt is longer than the model reads: its last 2 tokens were left out"));
  EXPECT_THAT(encoders.encode({.prompt = "a BREAK b", .negative_prompt = "a"}, {.guided = true}).notices, IsEmpty());
}

TEST(TextEncoders, EncodeTheEmptyPromptOnce) {
  const TextEncoders encoders = load("sd");
  const TextEncoding first = encoders.encode({.prompt = "a"}, {.guided = true});
  const TextEncoding second = encoders.encode({.prompt = "a"}, {.guided = true});
  EXPECT_DOUBLE_EQ(first.multiply_adds, 2 * second.multiply_adds);
  EXPECT_EQ(first.conditions[0].embeds, second.conditions[0].embeds);
}

TEST(TextEncoders, EncodeEachTextOnce) {
  const TextEncoders encoders = load("sd");
  const TextRequest request{.guided = true, .steps = 6, .evaluations = 7};
  const TextEncoding plain = encoders.encode({.prompt = "a fox"}, request);
  EXPECT_THAT(plain.at, testing::Each(0u));
  EXPECT_THAT(plain.weights, ElementsAre(1));

  const TextEncoding edited = encoders.encode({.prompt = "a [fox|the:0.5] [fox|the]", .negative_prompt = "[a:the:2]"}, request);
  EXPECT_THAT(edited.at, ElementsAre(0, 0, 0, 1, 1, 1, 1)) << "a | beside a number makes all of the prompt words";
  EXPECT_THAT(edited.notices, ElementsAre("brackets that are no [from:to:when] or [a|b], or a | outside of them, were read as words"));

  const TextEncoding turns = encoders.encode({.prompt = "a [fox|the]", .negative_prompt = "[a:the:2]"}, request);
  EXPECT_THAT(turns.at, ElementsAre(0, 0, 1, 2, 3, 2, 3));
  EXPECT_DOUBLE_EQ(turns.multiply_adds, 4 * encoders.encode({.prompt = "the"}, {}).multiply_adds);
  EXPECT_THAT(turns.notices, IsEmpty());
  const TextEncoding alone = encoders.encode({.prompt = "a the", .negative_prompt = "the"}, {.guided = true});
  EXPECT_EQ(turns.conditions[3].embeds, alone.conditions[0].embeds);
}

TEST(TextEncoders, JoinPartsByAnd) {
  const TextEncoders encoders = load("xl");
  const TextRequest request{.guided = true};
  const std::string longer = "the fox laughing at a blue background and hhhhhhhh";
  const TextEncoding joined = encoders.encode({.prompt = "a :2 AND " + longer + " :-0.5", .negative_prompt = "fox"}, request);
  EXPECT_THAT(joined.weights, ElementsAre(2, -0.5));
  ASSERT_EQ(joined.batch, 3u);
  ASSERT_EQ(joined.tokens, 32u);
  const TextEncoding first = encoders.encode({.prompt = "a", .negative_prompt = "fox"}, request);
  const TextEncoding second = encoders.encode({.prompt = longer, .negative_prompt = "fox"}, request);
  const std::size_t chunk = 16 * encoders.width();
  const std::span<const float> all = joined.conditions[0].embeds;
  const auto part = [&](std::size_t index) { return all.subspan(index * chunk, chunk); };
  const auto of = [&](const TextEncoding& text, std::size_t index) {
    return std::span(text.conditions[0].embeds).subspan(index * chunk, chunk);
  };
  EXPECT_TRUE(golden::near(part(0), of(second, 0)));
  EXPECT_TRUE(golden::near(part(1), of(second, 1))) << "the negative prompt ends with an empty chunk";
  EXPECT_TRUE(golden::near(part(2), of(first, 1)));
  for (std::size_t row = 0; row < 16; ++row) {  // a shorter part ends with its last token
    EXPECT_TRUE(golden::near(part(3).subspan(row * encoders.width(), encoders.width()), part(2).last(encoders.width())));
  }
  EXPECT_TRUE(golden::near(part(4), of(second, 2)));
  EXPECT_TRUE(golden::near(part(5), of(second, 3)));
}

TEST(TextEncoders, SayWhatTheSyntaxDoes) {
  const TextEncoders encoders = load("sd");
  EXPECT_THAT(encoders.encode({.prompt = "at 10:30", .negative_prompt = "a AND b"}, {}).notices,
              ElementsAre("the number 30.0 at the end of the prompt was read as its weight; end the prompt with a comma to draw it",
                          "AND joins texts in the prompt only; in the negative prompt it was read as a word"));
  EXPECT_THAT(encoders.encode({.prompt = "at 10:30,"}, {}).weights, ElementsAre(1));
  std::string many = "a";
  for (int i = 0; i < 16; ++i) many += " AND a";
  EXPECT_THAT(error_of<UsageError>([&] { encoders.encode({.prompt = many}, {}); }), HasSubstr("joins 17 texts by AND; at most 16"));
  EXPECT_THAT(error_of<UsageError>([&] { encoders.encode({.prompt = "a", .clip_skip = 3}, {}); }), HasSubstr("has 2 layers, found 3"));
  EXPECT_THAT(encoders.encode({.prompt = "[a|b] AND :3", .plain = true}, {}).notices, IsEmpty());
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
