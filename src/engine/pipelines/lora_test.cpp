#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "base/json.hpp"
#include "engine/checkpoint/safetensors.hpp"
#include "engine/pipelines/golden_cases.hpp"
#include "engine/pipelines/text_to_image.hpp"
#include "engine/testing/golden.hpp"
#include "engine/testing/picture.hpp"

namespace p2p::engine {
namespace {

namespace fs = std::filesystem;
using golden::error_of;
using testing::AllOf;
using testing::HasSubstr;

fs::path lora(const std::string& name) { return golden::file("lora/" + name + ".safetensors"); }

std::unique_ptr<TextToImage> load(const std::string& model) {
  return load_text_to_image(golden::file(model), {.precision = Precision::f32, .threads = 2});
}

GenerateParams small(std::vector<Lora> loras) {
  GenerateParams params;
  params.prompt = "a red fox";
  params.seed = 5;
  params.width = params.height = 64;
  params.steps = 2;
  params.loras = std::move(loras);
  return params;
}

// Each model draws all its rows, one set of LoRAs after the other.
TEST(Lora, DrawsWhatDiffusersDraws) {
  std::map<std::string, std::unique_ptr<TextToImage>> models;
  for (const Json& row : read_json(golden::file("lora/cases.json"))) {
    const std::string file = row.at("file");
    SCOPED_TRACE(file);
    auto& model = models[row.at("model")];
    if (!model) model = load("stable_diffusion/" + row.at("model").get<std::string>());
    GenerateParams params = golden::params_of(row);
    for (const Json& item : row.at("loras")) params.loras.push_back({lora(item.at(0)), item.at(1)});
    EXPECT_TRUE(golden::same_picture(model->generate(params).image, golden::read_png(golden::file("lora/" + file))));
  }
}

TEST(Lora, LeavesNothingBehind) {
  const auto model = load("stable_diffusion/sd1");
  const Image before = model->generate(small({})).image;
  const Image changed = model->generate(small({{lora("sd1-kohya"), 1}})).image;
  EXPECT_NE(changed.rgb, before.rgb);
  EXPECT_NE(model->generate(small({{lora("sd1-kohya"), 0.5}})).image.rgb, changed.rgb);
  EXPECT_EQ(model->generate(small({})).image.rgb, before.rgb);
  EXPECT_EQ(model->generate(small({{lora("sd1-peft"), 0}})).image.rgb, before.rgb);
}

TEST(Lora, IsNamedInThePromptWhereThatIsAllowed) {
  const fs::path folder = golden::file("stable_diffusion/sd1");
  const auto open = [&](const fs::path& loras_dir) {
    return load_text_to_image(folder, {.precision = Precision::f32, .threads = 2, .loras_dir = loras_dir});
  };
  const auto model = open(golden::file("lora"));
  GenerateParams params = small({});
  params.prompt += "<lora:sd1-kohya:0.7>";
  const GenerateResult named = model->generate(params);
  const GenerateResult given = model->generate(small({{lora("sd1-kohya"), 0.7}}));
  EXPECT_EQ(named.image.rgb, given.image.rgb);
  EXPECT_EQ(named.params.prompt, "a red fox");
  EXPECT_EQ(named.params.loras, given.params.loras);
  const GenerateResult refused = open("")->generate(params);
  EXPECT_EQ(refused.image.rgb, model->generate(small({})).image.rgb);
  EXPECT_THAT(refused.notices, testing::ElementsAre("there is no LoRA called \"sd1-kohya\""));
  params.plain = true;
  EXPECT_EQ(model->generate(params).params.prompt, params.prompt);
}

/// `name` of the fixtures with further tensors.
void write_with(const fs::path& path, const std::string& name, const std::vector<std::pair<std::string, Shape>>& extras) {
  golden::Checkpoint out;
  const Safetensors file = open_safetensors(lora(name));
  for (const auto& [key, view] : file.tensors)
    out.add_bytes(key, view.shape, {reinterpret_cast<const char*>(view.data.data()), view.data.size()}, view.dtype);
  for (const auto& [key, shape] : extras) {
    std::vector<float> values(byte_size(DType::i8, shape));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7) - 3;
    out.add(key, shape, values);
  }
  out.write(path);
}

TEST(Lora, LeavesOutWhatTheModelLacksAndSaysSo) {
  const golden::TempFolder folder;
  const fs::path path = folder.path() / "more.safetensors";
  write_with(path, "sd1-kohya", {{"lora_unet_down_blocks_7_attentions_0_proj_in.alpha", {}}});
  const auto model = load("stable_diffusion/sd1");
  const GenerateResult found = model->generate(small({{path, 1}}));
  EXPECT_EQ(found.image.rgb, model->generate(small({{lora("sd1-kohya"), 1}})).image.rgb);
  ASSERT_THAT(found.notices, testing::SizeIs(1));
  EXPECT_THAT(found.notices[0].text,
              testing::MatchesRegex("the LoRA more.safetensors: 1 of its [0-9]+ tensors fit no layer of this model "
                                    "and were left out, such as \"lora_unet_down_blocks_7_attentions_0_proj_in.alpha\""));
}

TEST(Lora, BringsItsWords) {
  const golden::TempFolder folder;
  const fs::path path = folder.path() / "words.safetensors", word = folder.path() / "zyx.safetensors";
  write_with(path, "sd1-kohya", {{"bundle_emb.zyx.emb_params", {2, 12}}});
  std::vector<float> values(24);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7) - 3;
  golden::Checkpoint().add("emb_params", {2, 12}, values).write(word);
  const auto model = load("stable_diffusion/sd1");
  const auto with_word =
      load_text_to_image(golden::file("stable_diffusion/sd1"), {.precision = Precision::f32, .threads = 2, .embeddings = {word}});
  GenerateParams params = small({{path, 1}});
  params.prompt = "a zyx";
  GenerateParams plain = params;
  plain.loras = {{lora("sd1-kohya"), 1}};
  const Image found = model->generate(params).image;
  EXPECT_EQ(found.rgb, with_word->generate(plain).image.rgb);
  EXPECT_EQ(found.rgb, with_word->generate(params).image.rgb) << "it replaces the model's word of this name";
  EXPECT_NE(found.rgb, model->generate(plain).image.rgb) << "the word is gone without the LoRA";
}

TEST(Lora, IsRefused) {
  const auto model = load("stable_diffusion/sd1");
  const golden::TempFolder folder;
  const fs::path other = folder.path() / "other.safetensors";
  golden::Checkpoint()
      .add("lora_te2_text_model_encoder_layers_9_mlp_fc1.lora_down.weight", {1, 4}, std::array{1.0F, 2.0F, 3.0F, 4.0F})
      .write(other);
  EXPECT_THAT(
      error_of<ModelError>([&] { model->generate(small({{other, 1}})); }),
      AllOf(HasSubstr("other.safetensors: is made for another model"), HasSubstr("It seems to be for SDXL; use it with such a model")));
  EXPECT_THAT(error_of<ModelError>([&] { model->generate(small({{"none.safetensors", 1}})); }),
              HasSubstr("none.safetensors: there is no such file"));
  EXPECT_THAT(error_of<UsageError>([&] { model->generate(small({{lora("sd1-peft"), 101}})); }),
              HasSubstr("expected a weight of -100 to 100"));
  EXPECT_THAT(error_of<UsageError>([&] { model->generate(small(std::vector<Lora>(17, {lora("sd1-peft"), 0.1}))); }),
              HasSubstr("at most 16 LoRAs, found 17"));
  EXPECT_THAT(error_of<UsageError>([&] { load("wuerstchen/c")->generate(small({{lora("sd1-peft"), 1}})); }), HasSubstr("takes no LoRAs"));
}

}  // namespace
}  // namespace p2p::engine
