#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <numeric>

#include "base/json.hpp"
#include "engine/pipelines/golden_cases.hpp"
#include "engine/pipelines/text_to_image.hpp"
#include "engine/testing/golden.hpp"
#include "engine/testing/picture.hpp"

namespace p2p::engine {
namespace {

namespace fs = std::filesystem;
using golden::error_of;
using golden::params_of;
using golden::read_png;
using golden::same_picture;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::unique_ptr<TextToImage> load(const fs::path& folder) {
  return load_text_to_image(folder, {.precision = Precision::f32, .threads = 2});
}

std::unique_ptr<TextToImage> load_fixture(const std::string& name) { return load(golden::Model(name).folder); }

/// A small picture.
GenerateParams small(int width = 64, int height = 64) {
  GenerateParams params;
  params.prompt = "a red fox";
  params.seed = 5;
  params.width = width;
  params.height = height;
  params.steps = 3;
  params.decoder_steps = 2;
  return params;
}

TEST(Wuerstchen, DrawsWhatDiffusersDraws) {
  std::map<std::string, std::unique_ptr<TextToImage>> models;
  for (const Json& row : read_json(golden::file("wuerstchen/cases.json"))) {
    const std::string file = row.at("file");
    SCOPED_TRACE(file);
    auto& model = models[row.at("model")];
    if (!model) model = load_fixture(row.at("model"));
    const GenerateResult result = model->generate(params_of(row));
    EXPECT_TRUE(same_picture(result.image, read_png(golden::file("wuerstchen/" + file))));
    EXPECT_EQ(result.params.width, result.image.width);
    EXPECT_EQ(result.params.height, result.image.height);
    EXPECT_EQ(result.params.seed, row.at("seed").get<std::uint64_t>());
  }
}

TEST(Wuerstchen, TheBundledModelDrawsWhatDiffusersDraws) {
  const auto model = load(fs::path(P2P_SOURCE_DIR) / "models/emoji");
  for (const Json& row : read_json(golden::file("emoji/expected.json"))) {
    const std::string file = row.at("file");
    EXPECT_TRUE(same_picture(model->generate(params_of(row)).image, read_png(golden::file("emoji/" + file)))) << file;
  }
}

TEST(Wuerstchen, ReportsHowItWasDrawn) {
  const auto model = load_fixture("a");
  EXPECT_EQ(model->precision(), Precision::f32);
  const GenerateResult result = model->generate(small());
  EXPECT_THAT(result.notices, IsEmpty());
  ASSERT_EQ(result.stages.size(), 4U);
  const Stage stages[] = {Stage::text, Stage::prior, Stage::decoder, Stage::vae};
  const std::size_t steps[] = {1, 3, 2, 1};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(result.stages[i].stage, stages[i]);
    EXPECT_GT(result.stages[i].seconds, 0);
    EXPECT_EQ(result.stages[i].step_seconds.size(), steps[i]);
    EXPECT_GT(result.stages[i].multiply_adds, 0);
  }
  EXPECT_GT(result.first_step_seconds, 0);
}

TEST(Wuerstchen, TakesTheNextSizeThatItCanDraw) {
  const auto a = load_fixture("a");
  const GenerateResult wider = a->generate(small(65, 64));
  EXPECT_EQ(wider.image.width, 80);
  EXPECT_EQ(wider.image.height, 64);
  EXPECT_EQ(wider.image.rgb.size(), 80U * 64U * 3U);
  EXPECT_EQ(wider.params.width, 80);
  EXPECT_THAT(wider.notices, ElementsAre("drawn at 80x64, the size next to 65x64 that the model can draw"));

  // 4 and 5 of the prior's pixels would be 42 and 53 of the decoder's, whose skips need a multiple of 4.
  const GenerateResult combined = load_fixture("c")->generate(small(130, 100));
  EXPECT_EQ(combined.image.width, 256);
  EXPECT_EQ(combined.image.height, 128);
  EXPECT_THAT(combined.notices, ElementsAre("drawn at 256x128, the size next to 130x100 that the model can draw"));
}

TEST(Wuerstchen, RefusesUnsupportedParameters) {
  const auto model = load_fixture("a");
  const auto error = [&](const auto& change) {
    GenerateParams params = small();
    change(params);
    return error_of<UsageError>([&] { model->generate(params); });
  };
  EXPECT_THAT(error([](auto& params) { params.width = 0; }), HasSubstr("expected 1 to 8192 pixels, found 0"));
  EXPECT_THAT(error([](auto& params) { params.height = -64; }), HasSubstr("found -64"));
  EXPECT_THAT(error([](auto& params) { params.height = 8193; }), HasSubstr("found 8193"));
  EXPECT_THAT(error([](auto& params) { params.steps = 0; }), HasSubstr("steps"));
  EXPECT_THAT(error([](auto& params) { params.decoder_steps = -1; }), HasSubstr("steps"));
}

TEST(Wuerstchen, SaysWhatItLeavesOutOfAPrompt) {
  GenerateParams params = small();
  for (int i = 0; i < 40; ++i) params.prompt += " fox";
  params.guidance = 2;
  params.negative_prompt = params.prompt;
  const auto notices = load_fixture("a")->generate(params).notices;
  EXPECT_THAT(notices, testing::IsSupersetOf(
                           {testing::Field(&Sentence::code, "prompt_cut"), testing::Field(&Sentence::code, "negative_prompt_cut")}));
}

TEST(Wuerstchen, FillsInTheModelsDefaults) {
  const golden::TempFolder temp;
  fs::copy(golden::Model("a").folder, temp.path(), fs::copy_options::recursive);
  std::ofstream(temp.path() / "prompt2pic.json")
      << R"({"width": 80, "height": 48, "steps": 2, "guidance": 2.5, "decoder_steps": 1, "decoder_guidance": 1.5})";
  const auto model = load(temp.path());
  const GenerateResult result = model->generate({.prompt = "a fox",
                                                 .negative_prompt = {},
                                                 .seed = 9,
                                                 .width = {},
                                                 .height = {},
                                                 .steps = {},
                                                 .guidance = {},
                                                 .decoder_steps = {},
                                                 .decoder_guidance = {}});
  EXPECT_EQ(result.params.width, 80);
  EXPECT_EQ(result.params.height, 48);
  EXPECT_EQ(result.params.steps, 2);
  EXPECT_EQ(result.params.guidance, 2.5);
  EXPECT_EQ(result.params.decoder_steps, 1);
  EXPECT_EQ(result.params.decoder_guidance, 1.5);
  EXPECT_EQ(result.stages[1].step_seconds.size(), 2U);
  EXPECT_EQ(load_fixture("a")->generate(result.params).image.rgb, result.image.rgb) << "the same, said in full";
}

TEST(Wuerstchen, HasThePublishedDefaultsWithoutACard) {
  GenerateParams params = small();
  params.steps = params.decoder_steps = {};
  const GenerateResult result = load_fixture("a")->generate(params);
  EXPECT_EQ(result.params.steps, 29);
  EXPECT_EQ(result.params.guidance, 4.0);
  EXPECT_EQ(result.params.decoder_steps, 12);
  EXPECT_EQ(result.params.decoder_guidance, 0.0);
  EXPECT_EQ(result.stages[1].step_seconds.size(), 29U);
  params.steps = 29;
  EXPECT_NE(load_fixture("a")->generate(params).image.rgb, result.image.rgb) << "asked for, the steps are equal ones";
}

std::string text(const Progress& progress) {
  return std::string(name_of(progress.stage)) + " " + std::to_string(progress.step) + "/" + std::to_string(progress.total);
}

TEST(Wuerstchen, ReportsProgress) {
  const auto model = load_fixture("a");
  std::vector<std::string> seen;
  model->generate(small(), [&](const Progress& progress) { seen.push_back(text(progress)); });
  EXPECT_THAT(seen, ElementsAre("text 0/1", "text 1/1", "prior 0/3", "prior 1/3", "prior 2/3", "prior 3/3", "decoder 0/2", "decoder 1/2",
                                "decoder 2/2", "vae 0/1", "vae 1/1"));
  std::vector<double> fractions;
  GenerateParams varied = small();
  varied.variations = {6, 7};
  for (const GenerateParams& params : {small(), varied}) {
    fractions.clear();
    model->generate(params, [&](const Progress& progress) { fractions.push_back(progress.fraction); });
    EXPECT_TRUE(std::ranges::is_sorted(fractions));
    EXPECT_EQ(fractions.front(), 0);
    EXPECT_EQ(fractions.back(), 1);
  }
}

TEST(Wuerstchen, PreviewsApproachThePicture) {
  const auto model = load(fs::path(P2P_SOURCE_DIR) / "models/emoji");
  EXPECT_TRUE(model->capabilities().gives_previews);
  std::vector<Image> previews;
  const GenerateResult result = model->generate({.prompt = "a red apple", .seed = 7}, [&](const Progress& progress) {
    EXPECT_TRUE(!progress.preview || progress.stage == Stage::decoder);
    if (progress.preview) previews.push_back(progress.preview());
  });
  EXPECT_EQ(model->generate({.prompt = "a red apple", .seed = 7}).image.rgb, result.image.rgb) << "previews change nothing";
  ASSERT_EQ(previews.size(), 7U) << "the last of eight steps is the picture";
  std::vector<double> errors;  // mean difference, of 255
  for (const Image& preview : previews) {
    ASSERT_EQ(preview.rgb.size(), result.image.rgb.size());
    const auto difference = [](int a, int b) { return std::abs(a - b); };
    const double sum =
        std::transform_reduce(preview.rgb.begin(), preview.rgb.end(), result.image.rgb.begin(), 0.0, std::plus<>{}, difference);
    errors.push_back(sum / static_cast<double>(preview.rgb.size()));
  }
  EXPECT_LT(errors.front(), 30) << "without the noise";
  EXPECT_LT(errors.back(), 5);
  EXPECT_LT(errors.back(), errors.front());
}

TEST(Wuerstchen, StopsBeforeTheNextStep) {
  const auto model = load_fixture("a");
  for (const char* last : {"text 0/1", "prior 0/3", "prior 2/3", "prior 3/3", "decoder 1/2", "vae 0/1"}) {
    std::stop_source source;
    std::string seen;
    const auto stop_at_last = [&](const Progress& progress) {
      seen = text(progress);
      if (seen == last) source.request_stop();
    };
    EXPECT_THROW(model->generate(small(), stop_at_last, source.get_token()), Cancelled);
    EXPECT_EQ(seen, last);
  }
  std::stop_source source;
  source.request_stop();
  EXPECT_THROW(model->generate(small(), [](const Progress&) { FAIL(); }, source.get_token()), Cancelled);
  EXPECT_EQ(model->generate(small()).image.rgb, load_fixture("a")->generate(small()).image.rgb) << "what was stopped leaves nothing behind";
}

TEST(Wuerstchen, WhatACallbackThrowsComesThrough) {
  EXPECT_THROW(load_fixture("a")->generate(small(), [](const Progress&) { throw std::length_error("mine"); }), std::length_error);
}

/// Makes the first number of one tensor a NaN.
void poison(const fs::path& file, const std::string& tensor) {
  std::streamoff place = 0;
  {
    const Safetensors opened = open_safetensors(file);
    place = opened.tensors.at(tensor).data.data() - opened.file->bytes().data();
  }
  std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
  const float nan = std::nanf("");
  out.seekp(place).write(reinterpret_cast<const char*>(&nan), sizeof nan);
}

TEST(Wuerstchen, NamesTheStageWhoseNumbersAreNotFinite) {
  const struct {
    std::string file, tensor, message;
  } rows[] = {
      {"prior/text_encoder/model.safetensors", "final_layer_norm.bias", "text: the result is not finite"},
      {"decoder/text_encoder/model.safetensors", "final_layer_norm.bias", "text: the result is not finite"},
      {"prior/prior/diffusion_pytorch_model.safetensors", "projection.bias", "prior: step 1: the result is not finite"},
      {"prior/prior/diffusion_pytorch_model.safetensors", "out.1.bias", "prior: step 1: the result is not finite"},
      {"decoder/decoder/diffusion_pytorch_model.safetensors", "clip_mapper.bias", "decoder: step 1: the result is not finite"},
      {"decoder/decoder/diffusion_pytorch_model.safetensors", "clf.1.bias", "decoder: step 1: the result is not finite"},
      {"decoder/vqgan/diffusion_pytorch_model.safetensors", "up_blocks.0.0.bias", "vae: the result is not finite"},
      {"decoder/vqgan/diffusion_pytorch_model.safetensors", "out_block.0.bias", "vae: the result is not finite"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.file + " " + row.tensor);
    const golden::TempFolder temp;
    fs::copy(golden::Model("a").folder, temp.path(), fs::copy_options::recursive);
    poison(temp.path() / row.file, row.tensor);
    const auto model = load(temp.path());
    EXPECT_THAT(error_of<Error>([&] { model->generate(small()); }), StartsWith(row.message));
  }
}

}  // namespace
}  // namespace p2p::engine
