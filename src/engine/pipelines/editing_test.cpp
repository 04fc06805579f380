#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/json.hpp"
#include "engine/pipelines/golden_cases.hpp"
#include "engine/pipelines/text_to_image.hpp"
#include "engine/testing/golden.hpp"
#include "engine/testing/picture.hpp"

namespace p2p::engine {
namespace {

std::unique_ptr<TextToImage> load(const std::string& name) {
  return load_text_to_image(golden::file("stable_diffusion/" + name), {.precision = Precision::f32, .threads = 2});
}

// Prompt editing, alternation, AND and clip skip; see tools/golden/editing.py.
TEST(Editing, DrawsAsTheReference) {
  std::map<std::string, std::unique_ptr<TextToImage>> models;
  for (const Json& row : read_json(golden::file("editing/cases.json"))) {
    const std::string file = row.at("file");
    SCOPED_TRACE(file);
    auto& model = models[row.at("model")];
    if (!model) model = load(row.at("model"));
    const GenerateResult result = model->generate(golden::params_of(row));
    EXPECT_TRUE(golden::same_picture(result.image, golden::read_png(golden::file("editing/" + file))));
  }
}

TEST(Editing, AppliesToEveryPassAndToPreviews) {
  const auto model = load("sd1");
  GenerateParams params{.prompt = "a [fox|cat|]", .negative_prompt = "[a:b:1]", .seed = 3, .width = 64, .height = 64, .steps = 4};
  params.sampler = Sampler::euler;
  params.variations = {5};
  params.strength = 0.75;
  int previews = 0;
  const auto count = [&](const Progress& progress) { previews += progress.preview && progress.preview().width == 64; };
  const Image varied = model->generate(params, count).image;
  EXPECT_EQ(previews, 3 + 2);  // none after the last step of a pass

  params.variations.clear();
  params.image = std::make_shared<const Image>(varied);
  const Image edited = model->generate(params).image;
  params.prompt = "a fox";
  params.negative_prompt = "a";
  EXPECT_FALSE(golden::same_picture(edited, model->generate(params).image));
  // Every loop counts from 0: three evaluations of an edit at the third step draw its first text alone.
  params.prompt = "a [fox:cat:2]";
  params.negative_prompt = "[a:b:2]";
  const Image first = model->generate(params).image;
  params.prompt = "a fox";
  params.negative_prompt = "a";
  EXPECT_TRUE(golden::same_picture(first, model->generate(params).image));
}

TEST(Editing, SaysWhereAModelReadsLiterally) {
  const auto model = load_text_to_image(golden::file("wuerstchen/a"), {.precision = Precision::f32, .threads = 2});
  GenerateParams params{.prompt = "a [fox:cat:1]", .seed = 3, .width = 128, .height = 128, .steps = 1, .decoder_steps = 1, .clip_skip = 2};
  const GenerateResult result = model->generate(params);
  EXPECT_THAT(result.notices, testing::IsSupersetOf(std::vector<Sentence>{
                                  "Würstchen has no clip skip, so that it was left out",
                                  "this model reads prompts literally: (word:1.2), [from:to:when], [a|b], AND, BREAK and <lora:...> are "
                                  "words to it"}));
  EXPECT_FALSE(result.params.clip_skip);
}

}  // namespace
}  // namespace p2p::engine
