#include "engine/checkpoint/single_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine {
namespace {

namespace fs = std::filesystem;
using golden::error_of;
using testing::AllOf;
using testing::HasSubstr;

fs::path fixture(const std::string& name) { return golden::file("single_file/" + name); }

/// As tools/golden/single_file.py has it.
std::uint64_t checksum(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += std::to_integer<std::uint64_t>(bytes[i]) * (i % 65521 + 1);
  return sum;
}

class SingleFileOf : public testing::TestWithParam<const char*> {};

TEST_P(SingleFileOf, HoldsWhatDiffusersConverts) {
  const std::string family = GetParam();
  const SingleFile file(fixture(family + ".safetensors"));
  const Json expected = read_json(fixture(family + ".json"));
  for (const auto& [part, tensors] : expected.items()) {
    SCOPED_TRACE(part);
    const Component component = file.component(part);
    EXPECT_EQ(component.weights.tensors.size(), tensors.size());
    for (const auto& [name, entry] : component.weights.tensors) {
      ASSERT_TRUE(tensors.contains(name)) << name;
      EXPECT_EQ(entry.view.shape, tensors.at(name).at(0).get<Shape>()) << name;
      EXPECT_EQ(checksum(entry.view.data), tensors.at(name).at(1).get<std::uint64_t>()) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, SingleFileOf, testing::Values("sd1", "sd2", "sdxl", "ssd1b", "tiny"),
                         [](const auto& test) { return std::string(test.param); });

/// The fixture's tensors without their values, to be changed.
Safetensors names_of(const std::string& family) { return open_safetensors(fixture(family + ".safetensors")); }

void put(Safetensors& file, const std::string& name, const Shape& shape) {
  static const std::vector<std::byte> kZeros(1 << 20);
  file.tensors[name] = {DType::f16, shape, std::span(kZeros).first(byte_size(DType::f16, shape))};
}

TEST(SingleFile, TellsThatItPredictsVelocities) {
  Safetensors file = names_of("sdxl");
  EXPECT_EQ(SingleFile(file).default_scheduler().at("prediction_type"), "epsilon");
  put(file, "v_pred", {0});
  put(file, "ztsnr", {0});
  const Json scheduler = SingleFile(file).default_scheduler();
  EXPECT_EQ(scheduler.at("prediction_type"), "v_prediction");
  EXPECT_EQ(scheduler.at("rescale_betas_zero_snr"), true);
  EXPECT_EQ(SingleFile(names_of("sd1")).default_scheduler().at("_class_name"), "PNDMScheduler");
  EXPECT_EQ(SingleFile(names_of("sd2")).default_scheduler().at("prediction_type"), "v_prediction");
}

TEST(SingleFile, TakesWhatLiesBesideIt) {
  const golden::TempFolder temp;
  const fs::path path = temp.path() / "model.safetensors";
  fs::copy(fixture("sd1.safetensors"), path);
  for (const char* part : {"tokenizer", "scheduler", "unet"}) fs::create_directory(temp.path() / part);
  std::ofstream(temp.path() / "scheduler/scheduler_config.json") << "{}";
  std::ofstream(temp.path() / "unet/config.json") << R"({"attention_head_dim": 4})";
  const SingleFile file(path);
  EXPECT_EQ(file.tokenizer("tokenizer", "/clip"), temp.path() / "tokenizer");
  EXPECT_EQ(file.scheduler_beside(), temp.path() / "scheduler/scheduler_config.json");
  EXPECT_EQ(file.component("unet").config.json(), Json({{"attention_head_dim", 4}}));
  EXPECT_EQ(file.component("vae").config.json().at("scaling_factor"), 0.18215);
}

TEST(SingleFile, LooksForTokenizers) {
  const fs::path clip = golden::file("stable_diffusion/sdxl");
  EXPECT_EQ(SingleFile(names_of("sd1")).tokenizer("tokenizer", clip), clip / "tokenizer");
  EXPECT_EQ(SingleFile(names_of("sd2")).tokenizer("tokenizer", clip), clip / "tokenizer_2") << "it pads with !";
  EXPECT_EQ(SingleFile(names_of("sdxl")).tokenizer("tokenizer_2", clip), clip / "tokenizer_2");
  EXPECT_THAT(error_of<ModelError>([] { SingleFile(names_of("sd1")).tokenizer("tokenizer", {}); }),
              AllOf(HasSubstr("sd1.safetensors: has no tokenizer"), HasSubstr("single_file/tokenizer")));
}

TEST(SingleFile, RefusesOtherModelsByName) {
  const struct {
    const char* name;
    Shape shape;
    const char* found;
  } rows[] = {
      {"model.diffusion_model.input_blocks.0.0.weight", {32, 9, 3, 3}, "one for inpainting: its UNet takes 9 channels"},
      {"model.diffusion_model.input_blocks.0.0.weight", {32, 8, 3, 3}, "InstructPix2Pix"},
      {"conditioner.embedders.0.model.ln_final.weight", {8}, "the refiner of SDXL"},
      {"model.diffusion_model.joint_blocks.0.x", {8}, "Stable Diffusion 3"},
      {"double_blocks.0.img_attn.norm.key_norm.scale", {8}, "Flux"},
      {"edm_mean", {4}, "Playground 2.5"},
  };
  for (const auto& row : rows) {
    Safetensors file = names_of("sd1");
    put(file, row.name, row.shape);
    EXPECT_THAT(error_of<ModelError>([&] { const SingleFile refused(file); }),
                AllOf(HasSubstr("sd1.safetensors: expected a checkpoint of Stable Diffusion 1, 2 or XL"), HasSubstr(row.found)));
  }
  for (const auto& [name, found] :
       {std::pair("control_model.time_embed.0.weight", "a ControlNet"), std::pair("lora_unet_mid.lora_down.weight", "a LoRA"),
        std::pair("decoder.conv_in.weight", "a VAE alone")}) {
    Safetensors file{.path = "x.safetensors", .file = {}, .tensors = {}, .metadata = {}};
    put(file, name, {8});
    EXPECT_THAT(error_of<ModelError>([&] { const SingleFile refused(file); }), HasSubstr(found));
  }
}

TEST(SingleFile, RefusesFilesWithPartsMissing) {
  for (const auto& [prefix, found] : {std::pair("model.diffusion_model.", "no UNet"), std::pair("cond_stage_model.", "no text encoder")}) {
    Safetensors file = names_of("sd1");
    std::erase_if(file.tensors, [&](const auto& tensor) { return tensor.first.starts_with(prefix); });
    EXPECT_THAT(error_of<ModelError>([&] { const SingleFile refused(file); }), HasSubstr(found));
  }
  Safetensors file = names_of("sd1");
  file.tensors.erase("model.diffusion_model.out.2.weight");
  EXPECT_THAT(error_of<ModelError>([&] { SingleFile(file).component("unet"); }),
              HasSubstr("sd1.safetensors (unet): conv_out.weight: missing; the network's size is read from it"));
}

TEST(SingleFile, MayLackTheVae) {
  Safetensors file = names_of("sd1");
  std::erase_if(file.tensors, [](const auto& tensor) { return tensor.first.starts_with("first_stage_model."); });
  const SingleFile opened(file);
  EXPECT_FALSE(opened.has("vae"));
  EXPECT_TRUE(opened.has("unet"));
  EXPECT_FALSE(opened.has("text_encoder_2"));
  EXPECT_THAT(error_of<ModelError>([&] { opened.component("vae"); }),
              HasSubstr("sd1.safetensors: has no VAE (first_stage_model.), so it needs one of another file: name it with --vae"));
}

TEST(SingleFile, LeavesOutWhatItDoesNotKnow) {
  Safetensors file = names_of("sd1");
  for (const char* name : {"epoch", "optimizer.step", "control_model.time_embed.0.weight", "lora_unet_mid.lora_down.weight",
                           "model_ema.decay", "first_stage_model.loss.logvar", "denoiser.sigmas"})
    put(file, name, {2});
  EXPECT_THAT(SingleFile(file).strays(),
              testing::ElementsAre("control_model.time_embed.0.weight", "epoch", "lora_unet_mid.lora_down.weight", "optimizer.step"))
      << "the others lie in published files";
  file = names_of("sd1");
  put(file, "vae.decoder.conv_in.weight", {2});
  EXPECT_THAT(error_of<ModelError>([&] { const SingleFile refused(file); }),
              HasSubstr("sd1.safetensors (vae): decoder.conv_in.weight: is there twice"));
  // The ledger of the network's weights reports these under the name that the file has for them.
  file = names_of("sd1");
  for (const char* name : {"model.diffusion_model.input_blocks.0.1.weight", "model.diffusion_model.input_blocks.01.0.op.weight",
                           "first_stage_model.decoder.up.7.block.0.conv1.weight", "first_stage_model.encoder.mid.attn_1.w"}) {
    put(file, name, {2});
    const SingleFile opened(file);
    EXPECT_TRUE(opened.component("unet").weights.tensors.contains(name) || opened.component("vae").weights.tensors.contains(name)) << name;
  }
}

TEST(SingleFile, LeavesShapesThatDoNotFitToTheLedger) {
  Safetensors file = names_of("sdxl");
  const std::string prefix = "conditioner.embedders.1.model.";
  put(file, prefix + "transformer.resblocks.0.attn.in_proj_bias", {31});
  put(file, prefix + "transformer.resblocks.1.attn.in_proj_bias", {});
  put(file, prefix + "text_projection", {6});
  put(file, "first_stage_model.encoder.mid.attn_1.q.weight", {32, 16, 1, 2});
  const SingleFile opened(file);
  const auto& text = opened.component("text_encoder_2").weights.tensors;
  EXPECT_EQ(text.at("text_model.encoder.layers.0.self_attn.?_proj.bias").view.shape, Shape({31}));
  EXPECT_EQ(text.at("text_projection.weight").view.shape, Shape({6}));
  EXPECT_EQ(opened.component("vae").weights.tensors.at("encoder.mid_block.attentions.0.to_q.weight").view.shape, Shape({32, 16, 1, 2}));
}

}  // namespace
}  // namespace p2p::engine
