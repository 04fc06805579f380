#include "engine/pipelines/infotext.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "engine/image/encode.hpp"
#include "engine/image/picture_text.hpp"
#include "engine/pipelines/parameters.hpp"

namespace p2p::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(InfotextReader, ReadsWhatParametersTextWrites) {
  const GenerateParams params{.prompt = "a fox,\nin (snow:1.2)", .negative_prompt = "blurry\nugly: very", .seed = 7, .steps = 20};
  const Infotext info = parse_infotext(parameters_text(params, {.model = "a, \"b\": c", .sampler = "DPM++ 2M", .program = "p 1"}));
  EXPECT_EQ(info.prompt, params.prompt);
  EXPECT_EQ(info.negative_prompt, params.negative_prompt);
  EXPECT_EQ(info.field("Model"), "a, \"b\": c");
  EXPECT_EQ(info.field("Seed"), "7");
  EXPECT_EQ(info.field("Sampler"), "DPM++ 2M");
  EXPECT_FALSE(info.field("Clip skip"));
}

TEST(InfotextReader, ReadsWhatAutomatic1111Writes) {
  const Infotext info = parse_infotext(
      "a cat <lora:x:0.5>\r\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7, Seed: 1, Size: "
      "512x512, "
      "Model hash: 6ce0161689, Model: v1-5, Clip skip: 2, Lora hashes: \"x: 0123456789ab, y: ba\", Version: v1.10.1");
  EXPECT_EQ(info.prompt, "a cat <lora:x:0.5>");
  EXPECT_EQ(info.negative_prompt, "dog");
  EXPECT_EQ(info.field("Lora hashes"), "x: 0123456789ab, y: ba");
  EXPECT_EQ(info.field("Clip skip"), "2");
  EXPECT_EQ(info.fields.size(), 11u);
}

TEST(InfotextReader, TakesAnyText) {
  EXPECT_EQ(parse_infotext("a: b, c").prompt, "a: b, c");
  EXPECT_EQ(parse_infotext("").prompt, "");
  EXPECT_EQ(parse_infotext("Steps: 4").prompt, "");
  EXPECT_EQ(parse_infotext("Negative prompt: x\nSteps: 4").negative_prompt, "x");
  EXPECT_THAT(parse_infotext("p\nSteps: \"4, Seed: 5").fields, ElementsAre(Pair("Steps", "\"4"), Pair("Seed", "5")));
  EXPECT_THAT(parse_infotext("a\nb").fields, IsEmpty());
}

TEST(PictureText, ComesBackFromEveryFormat) {
  const Image image{.width = 2, .height = 1, .rgb = {0, 1, 2, 3, 4, 5}};
  for (const std::string& text : {std::string("plain\nNegative prompt: é"), std::string("лиса 🦊, \"x\""), std::string("字字字字")}) {
    EXPECT_EQ(parameters_in(encode_png(image, text)), text);
    EXPECT_EQ(parameters_in(encode_jpeg(image, text, 90)), text);
    EXPECT_EQ(parameters_in(encode_webp(image, text, 90)), text);
  }
  EXPECT_EQ(parameters_in(encode_jpeg(image, "", 90)), std::nullopt);
  EXPECT_EQ(parameters_in(encode_webp(image, "", 90)), std::nullopt);
}

TEST(PictureText, RefusesOtherAndCutFiles) {
  const Image image{.width = 2, .height = 1, .rgb = {0, 1, 2, 3, 4, 5}};
  EXPECT_THROW(parameters_in(std::vector<std::uint8_t>{'a'}), UsageError);
  for (const auto& whole : {encode_png(image, "лиса"), encode_jpeg(image, "fox", 90), encode_webp(image, "fox", 90)}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      try {
        const auto text = parameters_in(std::span(whole).first(size));
        EXPECT_TRUE(!text || *text == "лиса" || *text == "fox");
      } catch (const UsageError&) {
      }
    }
  }
}

}  // namespace
}  // namespace p2p::engine
