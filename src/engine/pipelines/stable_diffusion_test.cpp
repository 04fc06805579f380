#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "base/json.hpp"
#include "engine/pipelines/golden_cases.hpp"
#include "engine/pipelines/text_to_image.hpp"
#include "engine/testing/golden.hpp"
#include "engine/testing/picture.hpp"

namespace p2p::engine {
namespace {

namespace fs = std::filesystem;
using golden::error_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

fs::path fixture(const std::string& name) { return golden::file("stable_diffusion/" + name); }

std::unique_ptr<TextToImage> load(const fs::path& folder) {
  return load_text_to_image(folder, {.precision = Precision::f32, .threads = 2});
}

GenerateParams small() {
  GenerateParams params;
  params.prompt = "a red fox";
  params.seed = 5;
  params.width = params.height = 64;
  params.steps = 2;
  return params;
}

TEST(StableDiffusion, DrawsWhatDiffusersDraws) {
  std::map<std::string, std::unique_ptr<TextToImage>> models;
  for (const Json& row : read_json(fixture("cases.json"))) {
    const std::string file = row.at("file");
    SCOPED_TRACE(file);
    const std::string vae = row.value("vae", "");
    const bool tiling = row.value("tiling", false);
    auto& model = models[row.at("model").get<std::string>() + vae + (tiling ? "tiled" : "")];
    if (!model) {
      const fs::path folder = vae.empty() ? fs::path() : fixture(vae) / "vae";
      model =
          load_text_to_image(fixture(row.at("model")), {.precision = Precision::f32, .threads = 2, .vae = folder, .vae_tiling = tiling});
    }
    EXPECT_TRUE(golden::same_picture(model->generate(golden::params_of(row)).image, golden::read_png(fixture(file))));
  }
}

TEST(StableDiffusion, ReportsHowItWasDrawn) {
  const auto model = load(fixture("sd1"));
  GenerateParams params = small();
  params.decoder_steps = 3;
  const GenerateResult result = model->generate(params);
  EXPECT_THAT(result.notices, IsEmpty());
  EXPECT_EQ(result.sampler, "PLMS");
  EXPECT_FALSE(result.params.decoder_steps) << "it has no decoder of Würstchen's kind";
  ASSERT_EQ(result.stages.size(), 3U);
  const Stage stages[] = {Stage::text, Stage::unet, Stage::vae};
  const std::size_t steps[] = {1, 3, 1};  // PNDM evaluates once more than it steps
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(result.stages[i].stage, stages[i]);
    EXPECT_GT(result.stages[i].seconds, 0);
    EXPECT_GT(result.stages[i].multiply_adds, 0);
    EXPECT_EQ(result.stages[i].step_seconds.size(), steps[i]);
  }
  params.sampler = {Sampler::dpmpp_2m, NoiseSchedule::karras};
  EXPECT_EQ(model->generate(params).sampler, "DPM++ 2M Karras");
  params.sampler = sampler_named("DPM++ SDE Karras");
  const GenerateResult nearest = model->generate(params);
  EXPECT_EQ(nearest.sampler, "DPM++ 2S SDE Karras");
  EXPECT_THAT(nearest.notices, ElementsAre("the sampler DPM++ SDE Karras is not available; DPM++ 2S SDE Karras draws instead"));
}

TEST(StableDiffusion, FillsInTheFamilysDefaults) {
  const struct {
    const char* model;
    int steps;
    double guidance;
  } rows[] = {{"sd1", 25, 7.5}, {"lcm", 4, 8.5}, {"turbo", 4, 0}, {"sdxl", 25, 7.5}};
  for (const auto& row : rows) {
    GenerateParams params = small();
    params.steps = {};
    const GenerateResult result = load(fixture(row.model))->generate(params);
    EXPECT_EQ(result.params.steps, row.steps) << row.model;
    EXPECT_EQ(result.params.guidance, row.guidance) << row.model;
  }
}

TEST(StableDiffusion, TakesTheNextSizeThatItCanDraw) {
  GenerateParams params = small();
  params.width = 65;
  const GenerateResult result = load(fixture("sd1"))->generate(params);
  EXPECT_EQ(result.image.width, 72);
  EXPECT_EQ(result.params.width, 72);
  EXPECT_THAT(result.notices, ElementsAre("drawn at 72x64, the size next to 65x64 that the model can draw"));
}

TEST(StableDiffusion, RefusesUnsupportedParameters) {
  const auto model = load(fixture("sd1"));
  const auto error = [&](const auto& change) {
    GenerateParams params = small();
    change(params);
    return error_of<UsageError>([&] { model->generate(params); });
  };
  EXPECT_THAT(error([](auto& params) { params.width = 0; }), HasSubstr("expected 1 to 8192 pixels, found 0"));
  EXPECT_THAT(error([](auto& params) { params.height = 8193; }), HasSubstr("found 8193"));
  EXPECT_THAT(error([](auto& params) { params.steps = 0; }), HasSubstr("steps"));
  EXPECT_THAT(error([](auto& params) { params.steps = 100'000; }), HasSubstr("steps"));
}

TEST(StableDiffusion, ReportsProgressAndStops) {
  const auto model = load(fixture("turbo"));
  std::vector<std::string> seen;
  const auto note = [&](const Progress& at) {
    seen.push_back(std::string(name_of(at.stage)) + " " + std::to_string(at.step) + "/" + std::to_string(at.total));
  };
  model->generate(small(), note);
  EXPECT_THAT(seen, ElementsAre("text 0/1", "text 1/1", "unet 0/2", "unet 1/2", "unet 2/2", "vae 0/1", "vae 1/1"));
  std::stop_source source;
  const auto stop = [&](const Progress& at) {
    if (at.stage == Stage::unet && at.step == 1) source.request_stop();
  };
  EXPECT_THROW(model->generate(small(), stop, source.get_token()), Cancelled);
}

TEST(StableDiffusion, GivesPreviews) {
  for (const bool quick : {false, true}) {
    const auto model = load_text_to_image(fixture("sd1"), {.precision = Precision::f32, .threads = 2, .quick_previews = quick});
    EXPECT_TRUE(model->capabilities().gives_previews);
    std::vector<Image> previews;
    GenerateParams params = small();
    params.steps = 4;
    params.sampler = Sampler::euler;
    const GenerateResult result = model->generate(params, [&](const Progress& at) {
      if (at.preview) previews.push_back(at.preview());
    });
    ASSERT_EQ(previews.size(), 3U);
    const int side = quick ? 8 : 1;  // pixels of the picture per pixel of the preview
    for (const Image& preview : previews)
      EXPECT_EQ(std::pair(preview.width, preview.height), std::pair(result.image.width / side, result.image.height / side));
    EXPECT_EQ(load(fixture("sd1"))->generate(params).image.rgb, result.image.rgb) << "previews change nothing";
  }
}

TEST(StableDiffusion, ReportsOneFractionOverAllLoops) {
  const auto model = load(fixture("sd1"));
  GenerateParams plain = small();
  plain.steps = 4;
  GenerateParams varied = plain;
  varied.variations = {6};
  GenerateParams larger = plain;
  larger.upscale = 1.5;
  for (const GenerateParams& params : {plain, varied, larger}) {
    std::vector<double> fractions;
    model->generate(params, [&](const Progress& at) { fractions.push_back(at.fraction); });
    EXPECT_TRUE(std::ranges::is_sorted(fractions));
    EXPECT_EQ(fractions.front(), 0);
    EXPECT_EQ(fractions.back(), 1);
  }
}

TEST(StableDiffusion, IsRefusedWithPartsMissingOrOfOtherModels) {
  const golden::TempFolder temp;
  const auto damaged = [&](const auto& damage) {
    fs::remove_all(temp.path() / "model");
    fs::copy(fixture("sd1"), temp.path() / "model", fs::copy_options::recursive);
    damage(temp.path() / "model");
    return error_of<ModelError>([&] { load(temp.path() / "model"); });
  };
  for (const char* part : {"unet", "vae", "text_encoder", "tokenizer", "scheduler"}) {
    EXPECT_THAT(damaged([&](const fs::path& folder) { fs::remove_all(folder / part); }),
                HasSubstr((temp.path() / "model" / part).string()));
  }
  const auto replace = [](const fs::path& folder, const char* part, const char* model) {
    fs::remove_all(folder / part);
    fs::copy(fixture(model) / part, folder / part, fs::copy_options::recursive);
  };
  EXPECT_THAT(damaged([&](const fs::path& folder) { replace(folder, "text_encoder", "sd2"); }),
              AllOf(HasSubstr("unet/config.json: cross_attention_dim: expected"), HasSubstr("the width of the text")));
  const auto change = [](const fs::path& folder, const char* key, const Json& value) {
    Json index = read_json(folder / "model_index.json");
    index[key] = value;
    std::ofstream(folder / "model_index.json") << index;
  };
  EXPECT_THAT(damaged([&](const fs::path& folder) { change(folder, "vae", nullptr); }), HasSubstr("model_index.json: vae: expected"));
  EXPECT_THAT(damaged([&](const fs::path& folder) { change(folder, "vae", {"diffusers", "VQModel"}); }), HasSubstr("found VQModel"));
  EXPECT_THAT(damaged([&](const fs::path& folder) { change(folder, "_class_name", "StableDiffusion3Pipeline"); }),
              AllOf(HasSubstr("_class_name: expected a pipeline of Stable Diffusion"), HasSubstr("which is Stable Diffusion 3; take")));
}

}  // namespace
}  // namespace p2p::engine
