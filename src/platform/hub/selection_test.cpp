#include "platform/hub/selection.hpp"

#include <gmock/gmock.h>

#include "platform/hub/one_file.hpp"

namespace p2p::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::ThrowsMessage;
using ::testing::UnorderedElementsAre;

const Json kIndex{{"_class_name", "StableDiffusionPipeline"}, {"unet", {"diffusers", "UNet2DConditionModel"}}};

Listing listing_of(const std::vector<std::string>& paths) {
  Listing listing{.repository = "a/b", .commit = std::string(40, 'c'), .licence = {}, .files = {}};
  for (const std::string& path : paths) listing.files.push_back({.path = path, .size = 1, .git_blob = std::string(40, 'b')});
  return listing;
}

std::vector<std::string> selected(const std::vector<std::string>& paths, const Json& index, const Choice& choice = {}) {
  std::vector<std::string> taken;
  for (const RemoteFile& file : select_files(listing_of(paths), index, choice).files) taken.push_back(file.path);
  return taken;
}

std::string error_of(const std::vector<std::string>& paths, const Json& index) {
  try {
    selected(paths, index);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(HubSelection, SelectsVariantThatEngineLoads) {
  const std::string plain = "unet/diffusion_pytorch_model.safetensors";
  const std::string fp16 = "unet/diffusion_pytorch_model.fp16.safetensors";
  EXPECT_THAT(selected({plain, fp16, "unet/diffusion_pytorch_model.non_ema.safetensors", "unet/model.safetensors"}, kIndex),
              ElementsAre(plain));
  EXPECT_THAT(selected({plain, fp16}, kIndex, {.variant = "fp16"}), ElementsAre(fp16));
  EXPECT_THAT(selected({fp16}, kIndex), ElementsAre(fp16));
  for (const char* variant : {"bf16", "fp32", "ema", "non_ema"}) {
    const std::string name = "unet/diffusion_pytorch_model." + std::string(variant) + ".safetensors";
    EXPECT_THAT(selected({name}, kIndex), ElementsAre(name));
    EXPECT_THAT(selected({plain, fp16, name}, kIndex, {.variant = variant}), ElementsAre(name));
  }
  EXPECT_THAT(selected({plain}, kIndex, {.variant = "fp16"}), ElementsAre(plain));
}

TEST(HubSelection, SelectsShardsWithIndex) {
  const std::vector<std::string> plain{"unet/model-00001-of-00002.safetensors", "unet/model-00002-of-00002.safetensors",
                                       "unet/model.safetensors.index.json"};
  const std::vector<std::string> old_fp16{"unet/model.fp16-00001-of-00001.safetensors", "unet/model.safetensors.index.fp16.json"};
  const std::vector<std::string> new_fp16{"unet/model-00001-of-00001.fp16.safetensors", "unet/model.fp16.safetensors.index.json"};
  std::vector<std::string> all = plain;
  all.insert(all.end(), old_fp16.begin(), old_fp16.end());
  EXPECT_EQ(selected(all, kIndex), plain);
  EXPECT_EQ(selected(all, kIndex, {.variant = "fp16"}), old_fp16);
  EXPECT_EQ(selected(new_fp16, kIndex), new_fp16);
  all.emplace_back("unet/model.safetensors");
  EXPECT_THAT(selected(all, kIndex), ElementsAre("unet/model.safetensors"));
}

TEST(HubSelection, SelectsConfigurationsTokenizersAndLicenceButNoCode) {
  Json index = kIndex;
  index["tokenizer"] = {"transformers", "CLIPTokenizer"};
  index["safety_checker"] = {"stable_diffusion", "StableDiffusionSafetyChecker"};
  index["image_encoder"] = {nullptr, nullptr};
  const std::vector<std::string> paths{"LICENSE",
                                       "README.md",
                                       "model.safetensors",
                                       "image_encoder/config.json",
                                       "model_index.json",
                                       "safety_checker/model.safetensors",
                                       "tokenizer/.hidden.json",
                                       "tokenizer/deep/vocab.json",
                                       "tokenizer/merges.txt",
                                       "tokenizer/vocab.json",
                                       "unet/config.json",
                                       "unet/diffusion_pytorch_model.bin",
                                       "unet/diffusion_pytorch_model.bin.index.json",
                                       "unet/model.onnx",
                                       "unet/model.safetensors",
                                       "unet/unet.py"};
  EXPECT_THAT(selected(paths, index), UnorderedElementsAre("LICENSE", "model_index.json", "tokenizer/merges.txt", "tokenizer/vocab.json",
                                                           "unet/config.json", "unet/model.safetensors"));
  EXPECT_THAT(selected(paths, index, {.safety_checker = true}), ::testing::Contains("safety_checker/model.safetensors"));
}

TEST(HubSelection, SelectsComponentAtRoot) {
  const std::vector<std::string> paths{"LICENSE.txt", "README.md", "config.json", "diffusion_pytorch_model.bin",
                                       "diffusion_pytorch_model.safetensors"};
  EXPECT_THAT(selected(paths, Json()), ElementsAre("LICENSE.txt", "config.json", "diffusion_pytorch_model.safetensors"));
}

TEST(HubSelection, SelectsTheOnlyFile) {
  const Selection selection =
      select_files(listing_of({"README.md", "DreamShaper_8.safetensors", "old.ckpt", ".x.safetensors"}), Json(), {});
  EXPECT_TRUE(selection.is_one_file);
  ASSERT_EQ(selection.files.size(), 1U);
  EXPECT_EQ(selection.files[0].path, "DreamShaper_8.safetensors");
  EXPECT_THAT(error_of({"b.safetensors", "a.safetensors", "c/d.safetensors"}, Json()),
              HasSubstr("a/b has several files: \"b.safetensors\", \"a.safetensors\"; name one with --file"));
}

TEST(HubSelection, TakesTheNamedFile) {
  const Listing listing = listing_of({"in/a.safetensors", "b.safetensors", "c.ckpt"});
  EXPECT_EQ(named_file(listing, "in/a.safetensors").path, "in/a.safetensors");
  EXPECT_THAT([&] { named_file(listing, "c.ckpt"); }, ThrowsMessage<UsageError>(HasSubstr("is no .safetensors file")));
  EXPECT_THAT(
      [&] { named_file(listing, "d.safetensors"); },
      ThrowsMessage<UsageError>(HasSubstr("has no file \"d.safetensors\"; its safetensors are \"in/a.safetensors\", \"b.safetensors\"")));
}

TEST(HubSelection, SaysWhatARepositoryHoldsInstead) {
  EXPECT_THAT(error_of({"model.bin"}, Json()), HasSubstr("only \"model.bin\"; pickles can run code"));
  EXPECT_THAT(error_of({"openvino_model.bin", "openvino_model.xml"}, Json()), HasSubstr("converted to OpenVINO"));
  EXPECT_THAT(error_of({"unet/openvino_model.bin", "unet/openvino_model.xml"}, kIndex),
              HasSubstr("has no safetensors in unet/, only \"openvino_model.xml\"; it is converted to OpenVINO"));
  EXPECT_THAT(error_of({"sd-q8_0.gguf"}, Json()), HasSubstr("GGUF"));
  EXPECT_THAT(error_of({"model.onnx"}, Json()), HasSubstr("ONNX"));
  EXPECT_THAT(error_of({"unet/flax_model.msgpack"}, kIndex), HasSubstr("Flax"));
  EXPECT_THAT(error_of({"README.md"}, Json()), HasSubstr("is no model in diffusers' layout"));
}

TEST(HubSelection, RefusesUnloadableRepositories) {
  EXPECT_THAT(error_of({"unet/diffusion_pytorch_model.bin"}, kIndex),
              AllOf(StartsWith("a/b has no safetensors in unet/"), HasSubstr("pickles can run code")));
  EXPECT_THAT(error_of({"unet/config.json"}, kIndex), HasSubstr("no weights for the components"));
  EXPECT_THAT(error_of({"vae/config.json"}, kIndex), HasSubstr("lacks the component unet"));
  EXPECT_THAT(error_of({}, Json::array()), HasSubstr("model_index.json is no JSON object"));
  EXPECT_THAT(error_of({"x/model.safetensors"}, Json{{"..", {"x", "X"}}, {"a/b", {"x", "X"}}, {"", {"x", "X"}}}), HasSubstr("no weights"));
}

}  // namespace
}  // namespace p2p::hub
