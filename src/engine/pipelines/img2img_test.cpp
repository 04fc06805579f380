#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/error.hpp"
#include "base/json.hpp"
#include "engine/image/read_image.hpp"
#include "engine/pipelines/golden_cases.hpp"
#include "engine/pipelines/text_to_image.hpp"
#include "engine/testing/golden.hpp"
#include "engine/testing/picture.hpp"

namespace p2p::engine {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

fs::path fixture(const std::string& name) { return golden::file("img2img/" + name); }

std::shared_ptr<const Image> picture() { return std::make_shared<const Image>(read_image(fixture("a.png"))); }

std::unique_ptr<TextToImage> load(const std::string& folder) {
  return load_text_to_image(golden::file(folder), {.precision = Precision::f32, .threads = 2});
}

TEST(Img2Img, DrawsWhatDiffusersDraws) {
  std::map<std::string, std::unique_ptr<TextToImage>> models;
  for (const Json& row : read_json(fixture("cases.json"))) {
    const std::string name = row.at("model");
    const std::string file = row.at("file");
    SCOPED_TRACE(file);
    auto& model = models[name];
    if (!model) model = load("stable_diffusion/" + name);
    GenerateParams params = golden::params_of(row);
    if (!row.at("image").is_null()) params.image = picture();
    EXPECT_TRUE(golden::same_picture(model->generate(params).image, golden::read_png(fixture(file))));
  }
}

TEST(Img2Img, ReportsHowItWasDrawn) {
  const auto model = load("stable_diffusion/sd1");
  GenerateParams params{.prompt = "a fox", .steps = 4, .image = picture()};
  const GenerateResult one = model->generate(params);
  EXPECT_EQ(one.params.strength, 0.8);
  EXPECT_EQ(one.image.width, 72);
  EXPECT_EQ(one.image.height, 64);
  EXPECT_THAT(one.notices, ElementsAre("drawn at 72x64, the size next to 75x68 that the model can draw"));
  EXPECT_FALSE(model->generate({.prompt = "a fox", .width = 64, .height = 64, .steps = 1}).params.strength) << "nothing to begin with";

  params.image = nullptr;
  params.width = params.height = 64;
  params.upscale = 1.5;
  const GenerateResult larger = model->generate(params);
  EXPECT_EQ(larger.image.width, 96);
  EXPECT_EQ(larger.params.width, 64) << "the size before, as AUTOMATIC1111 writes it";
  EXPECT_EQ(larger.params.strength, 0.3);
  EXPECT_EQ(larger.params.upscale, 1.5);
  EXPECT_EQ(larger.params.image, nullptr);
  EXPECT_EQ(larger.stages.size(), 6U) << "text, unet and vae twice";
}

TEST(Img2Img, AVariationTakesItsStepsOnTopAndAtLeastOne) {
  const auto model = load("stable_diffusion/turbo");
  std::vector<int> totals;
  GenerateParams params{.prompt = "a fox", .seed = 1, .width = 64, .height = 64, .steps = 1, .variations = {2}};
  const GenerateResult varied = model->generate(params, [&](const Progress& at) {
    if (at.stage == Stage::unet) totals.push_back(at.total);
  });
  EXPECT_EQ(varied.params.strength, 1.0) << "0.6 would leave none of one step";
  EXPECT_THAT(totals, ElementsAre(2, 2, 2));
  params.variations.clear();
  params.upscale = 1.5;
  EXPECT_EQ(model->generate(params).params.strength, 1.0);
  params.upscale.reset();
  EXPECT_NE(model->generate(params).image.rgb, varied.image.rgb);
}

TEST(Img2Img, RefusesUnsupportedParameters) {
  const auto model = load("stable_diffusion/sd1");
  const auto error = [&](const auto& change) {
    GenerateParams params{.prompt = "a fox", .width = 64, .height = 64, .steps = 2, .image = picture()};
    change(params);
    return golden::error_of<UsageError>([&] { model->generate(params); });
  };
  EXPECT_THAT(error([](auto& params) { params.strength = 0.4; }), HasSubstr("strength: 0.4 leaves none of 2 steps"));
  EXPECT_THAT(error([](auto& params) { params.strength = 1.01; }), HasSubstr("strength: expected a number from 0 to 1, found 1.01"));
  EXPECT_THAT(error([](auto& params) { params.upscale = 1; }), HasSubstr("upscale: expected a number above 1"));
  EXPECT_THAT(error([](auto& params) { params.upscale = 5; }), HasSubstr("found 5"));
  EXPECT_THAT(error([](auto& params) {
                params.image = nullptr;
                params.width = 4096;
                params.upscale = 2.1;
              }),
              HasSubstr("upscale: expected a size of at most 8192 pixels a side, found 8601"));
  EXPECT_THAT(error([](auto& params) {
                params.image = std::make_shared<const Image>(Image{.width = 4, .height = 4, .rgb = std::vector<std::uint8_t>(48)});
                params.width = {};
              }),
              HasSubstr("image: expected 8 to 8192 pixels a side, found 4"));
  EXPECT_THAT(error([](auto& params) {
                params.image = nullptr;
                params.strength = 0.5;
              }),
              HasSubstr("strength: expected a picture to begin with, variations, or an upscale"));
  EXPECT_THAT(error([](auto& params) { params.variations.resize(17); }), HasSubstr("variations: expected at most 16, found 17"));
}

TEST(Img2Img, LcmRefusesAStrengthThatLeavesTooFewSteps) {
  const auto error = golden::error_of<UsageError>(
      [&] { load("stable_diffusion/lcm")->generate({.prompt = "a fox", .steps = 4, .image = picture(), .strength = 0.05}); });
  EXPECT_THAT(error, HasSubstr("strength: 0.05 leaves 2 of the"));
}

TEST(Img2Img, WuerstchenRefusesPicturesByName) {
  const auto model = load("wuerstchen/c");
  const auto error = [&](const GenerateParams& params) { return golden::error_of<UsageError>([&] { model->generate(params); }); };
  EXPECT_THAT(error({.prompt = "a fox", .image = picture()}), HasSubstr("Würstchen has no image encoder"));
  EXPECT_THAT(error({.prompt = "a fox", .upscale = 2}), HasSubstr("cannot draw a picture again at --upscale"));
  EXPECT_THAT(error({.prompt = "a fox", .strength = 0.5}), HasSubstr("strength: expected variations"));
  EXPECT_THAT(error({.prompt = "a fox", .steps = 2, .strength = 0.4, .variations = {1}}), HasSubstr("leaves none of 2 steps"));
}

}  // namespace
}  // namespace p2p::engine
