#include "engine/pipelines/parameters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace p2p::engine {
namespace {

constexpr Origin kOrigin{.model = "emoji", .sampler = "DDPM", .program = "prompt2pic 0.1.0"};

TEST(Parameters, ReadAsOtherToolsWriteThem) {
  const GenerateParams params{.prompt = "a fox, red",
                              .negative_prompt = "blurry",
                              .seed = 100,
                              .width = 128,
                              .height = 192,
                              .steps = 20,
                              .guidance = 3.0,
                              .decoder_steps = 8,
                              .decoder_guidance = 0.0};
  EXPECT_EQ(parameters_text(params, kOrigin),
            "a fox, red\nNegative prompt: blurry\n"
            "Steps: 20, Sampler: DDPM, CFG scale: 3, Seed: 100, Size: 128x192, Model: emoji, Decoder steps: 8, Decoder CFG scale: 0, "
            "Version: prompt2pic 0.1.0");
}

TEST(Parameters, WhatIsUnsetIsLeftOut) {
  GenerateParams params;
  params.prompt = "лиса 🦊";
  params.seed = UINT64_MAX;
  params.guidance = 3.5;
  EXPECT_EQ(parameters_text(params, kOrigin),
            "лиса 🦊\nSampler: DDPM, CFG scale: 3.5, Seed: 18446744073709551615, Model: emoji, Version: prompt2pic 0.1.0");
}

TEST(Parameters, PicturesToBeginWithAndUpscaling) {
  const GenerateParams params{.prompt = "a fox", .seed = 1, .strength = 0.75, .upscale = 2.0};
  EXPECT_EQ(parameters_text(params, kOrigin),
            "a fox\nSampler: DDPM, Seed: 1, Model: emoji, Denoising strength: 0.75, Hires upscale: 2, Version: prompt2pic 0.1.0");
}

TEST(Parameters, LorasStandBehindThePrompt) {
  GenerateParams params;
  params.prompt = "a fox";
  params.negative_prompt = "blurry";
  params.loras = {{"/loras/one.two.safetensors", 0.8}, {"three.safetensors"}};
  EXPECT_THAT(parameters_text(params, kOrigin), testing::StartsWith("a fox <lora:one.two:0.8> <lora:three:1>\nNegative prompt: blurry\n"));
}

TEST(Parameters, NameTheScheduleApartAndSayWhatWasDifferent) {
  const GenerateParams params{.prompt = "a fox", .seed = 1, .clip_skip = 2};
  const std::vector<Sentence> notices{"one, two", "three"};
  EXPECT_EQ(
      parameters_text(params, {.model = "m", .sampler = "DPM++ 2M Karras", .program = "p", .precision = "bf16", .notices = notices}),
      "a fox\nSampler: DPM++ 2M, Schedule type: Karras, Seed: 1, Model: m, Clip skip: 2, Precision: bf16, Notices: \"one, two; three\", "
      "Version: p");
  EXPECT_THAT(parameters_text({.prompt = "a", .clip_skip = 1}, kOrigin), testing::Not(testing::HasSubstr("Clip skip")));
}

TEST(Parameters, ValuesThatWouldSplitAreQuoted) {
  const std::string text = parameters_text({}, {.model = "a, \"b\": c", .sampler = "one\ntwo", .program = "p"});
  EXPECT_EQ(text, "\nSampler: \"one\\ntwo\", Seed: 0, Model: \"a, \\\"b\\\": c\", Version: p");
}

}  // namespace
}  // namespace p2p::engine
