#include "engine/checkpoint/lora.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "base/error.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine {
namespace {

using golden::Checkpoint;
using golden::error_of;
using golden::TempFolder;
using testing::AllOf;
using testing::HasSubstr;

/// A UNet of two levels, both with attention, and a text encoder in each of transformers' spellings.
LoraModel model() {
  LoraModel model;
  auto& unet = model["unet"];
  unet["conv_in.weight"] = {4, 4, 3, 3};
  unet["conv_in.bias"] = {4};
  for (const std::string block : {"down_blocks.0", "down_blocks.1", "mid_block", "up_blocks.0", "up_blocks.1"}) {
    for (const std::string j : {"0", "1"}) {
      unet[block + ".resnets." + j + ".conv1.weight"] = {4, 4, 3, 3};
      unet[block + ".attentions." + j + ".proj_in.weight"] = {4, 4, 1, 1};
      unet[block + ".attentions." + j + ".transformer_blocks.0.attn1.to_out.0.weight"] = {4, 6};
    }
  }
  unet["down_blocks.0.downsamplers.0.conv.weight"] = {4, 4, 3, 3};
  unet["up_blocks.0.upsamplers.0.conv.weight"] = {4, 4, 3, 3};
  unet["up_blocks.0.norm.weight"] = {4};
  model["text_encoder"]["encoder.layers.0.self_attn.q_proj.weight"] = {4, 4};
  model["text_encoder"]["embeddings.token_embedding.weight"] = {9, 4};
  model["text_encoder_2"]["text_model.encoder.layers.0.self_attn.out_proj.weight"] = {4, 4};
  model["text_encoder_2"]["text_projection.weight"] = {2, 4};
  return model;
}

class LoraFiles : public testing::Test {
 protected:
  LoraFile read_file(const Checkpoint& file) const {
    file.write(folder_.path() / "x.safetensors");
    return read_lora(open_safetensors(folder_.path() / "x.safetensors"), model());
  }
  std::vector<LoraChange> read(const Checkpoint& file) const { return read_file(file).changes; }
  std::string error(const Checkpoint& file) const {
    return error_of<ModelError>([&] { read(file); });
  }
  /// The weight that a layer of this name changes.
  std::string weight_of(const std::string& layer, const Shape& up, const Shape& down, const std::string& ends) const {
    const auto [down_end, up_end] = std::pair(ends.substr(0, ends.find(' ')), ends.substr(ends.find(' ') + 1));
    const auto zeros = [](const Shape& shape) { return std::vector<float>(byte_size(DType::i8, shape)); };
    const auto changes = read(Checkpoint().add(layer + up_end, up, zeros(up)).add(layer + down_end, down, zeros(down)));
    return changes.size() == 1 ? changes[0].component + ": " + changes[0].weight : "";
  }

  TempFolder folder_;
};

constexpr const char* kKohya = ".lora_down.weight .lora_up.weight";
constexpr const char* kPeft = ".lora_A.weight .lora_B.weight";

TEST_F(LoraFiles, NamesAreFoundInEveryLayout) {
  const struct {
    const char* layer;
    const char* ends;
    const char* weight;
    Shape up{4, 1};
    Shape down{1, 6};
  } rows[] = {
      {"unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0", kPeft,
       "unet: down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0.weight"},
      {"down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0", ".lora.down.weight .lora.up.weight",
       "unet: down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0.weight"},
      {"mid_block.attentions.0.transformer_blocks.0.attn1.processor.to_out", "_lora.down.weight _lora.up.weight",
       "unet: mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0.weight"},
      {"lora_unet_up_blocks_1_attentions_0_transformer_blocks_0_attn1_to_out_0", kKohya,
       "unet: up_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0.weight"},
      {"lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_out_0", kKohya,
       "unet: down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.weight"},
      {"lora_unet_input_blocks_5_1_transformer_blocks_0_attn1_to_out_0", kKohya,
       "unet: down_blocks.1.attentions.1.transformer_blocks.0.attn1.to_out.0.weight"},
      {"lora_unet_middle_block_1_transformer_blocks_0_attn1_to_out_0", kKohya,
       "unet: mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0.weight"},
      {"lora_unet_output_blocks_2_1_proj_in", kKohya, "unet: up_blocks.1.attentions.0.proj_in.weight", {4, 2, 1, 1}, {2, 4, 1, 1}},
      {"lora_unet_output_blocks_1_2_conv", kKohya, "unet: up_blocks.0.upsamplers.0.conv.weight", {4, 2, 1, 1}, {2, 4, 3, 3}},
      {"lora_unet_input_blocks_3_0_op", kKohya, "unet: down_blocks.0.downsamplers.0.conv.weight", {4, 2, 1, 1}, {2, 4, 3, 3}},
      {"lora_unet_middle_block_2_in_layers_2", kKohya, "unet: mid_block.resnets.1.conv1.weight", {4, 2, 1, 1}, {2, 4, 3, 3}},
      {"lora_unet_input_blocks_0_0", kKohya, "unet: conv_in.weight", {4, 2, 1, 1}, {2, 4, 3, 3}},
      {"lora_te_text_model_encoder_layers_0_self_attn_q_proj",
       kKohya,
       "text_encoder: encoder.layers.0.self_attn.q_proj.weight",
       {4, 2},
       {2, 4}},
      {"lora_te1_text_model_encoder_layers_0_self_attn_q_proj",
       kKohya,
       "text_encoder: encoder.layers.0.self_attn.q_proj.weight",
       {4, 2},
       {2, 4}},
      {"lora_te2_text_model_encoder_layers_0_self_attn_out_proj",
       kKohya,
       "text_encoder_2: text_model.encoder.layers.0.self_attn.out_proj.weight",
       {4, 2},
       {2, 4}},
      {"lora_te2_text_projection", kKohya, "text_encoder_2: text_projection.weight", {2, 2}, {2, 4}},
      {"text_encoder.encoder.layers.0.self_attn.q_proj", kPeft, "text_encoder: encoder.layers.0.self_attn.q_proj.weight", {4, 2}, {2, 4}},
      {"text_encoder.text_model.encoder.layers.0.self_attn.q_proj",
       ".lora_linear_layer.down.weight .lora_linear_layer.up.weight",
       "text_encoder: encoder.layers.0.self_attn.q_proj.weight",
       {4, 2},
       {2, 4}},
      {"text_encoder_2.text_model.encoder.layers.0.self_attn.to_out",
       "_lora.down.weight _lora.up.weight",
       "text_encoder_2: text_model.encoder.layers.0.self_attn.out_proj.weight",
       {4, 2},
       {2, 4}},
      // ComfyUI, peft's wrappers, torch.compile, doubled prefixes, LyCORIS' own names.
      {"diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_out.0", kKohya,
       "unet: down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.weight"},
      {"model.diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_out.0", kPeft,
       "unet: mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0.weight"},
      {"base_model.model.down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0", kPeft,
       "unet: down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0.weight"},
      {"base_model.model.text_model.encoder.layers.0.self_attn.q_proj",
       kPeft,
       "text_encoder: encoder.layers.0.self_attn.q_proj.weight",
       {4, 2},
       {2, 4}},
      {"unet.base_model.model.mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0", ".lora_A.default.weight .lora_B.default.weight",
       "unet: mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0.weight"},
      {"unet._orig_mod.mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0", kPeft,
       "unet: mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0.weight"},
      {"lora_unet.unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0", ".lora.down.weight .lora.up.weight",
       "unet: mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0.weight"},
      {"lora_unet_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_out_0", kKohya,
       "unet: mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0.weight"},
      {"lycoris_mid_block_attentions_0_transformer_blocks_0_attn1_to_out_0", kKohya,
       "unet: mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0.weight"},
      {"lycoris_encoder_layers_0_self_attn_q_proj", kKohya, "text_encoder: encoder.layers.0.self_attn.q_proj.weight", {4, 2}, {2, 4}},
      {"text_encoders.clip_l.transformer.text_model.encoder.layers.0.self_attn.q_proj",
       kPeft,
       "text_encoder: encoder.layers.0.self_attn.q_proj.weight",
       {4, 2},
       {2, 4}},
      {"text_encoders.clip_g.transformer.text_model.encoder.layers.0.self_attn.out_proj",
       kKohya,
       "text_encoder_2: text_model.encoder.layers.0.self_attn.out_proj.weight",
       {4, 2},
       {2, 4}},
      {"clip_g.text_model.encoder.layers.0.self_attn.out_proj",
       kKohya,
       "text_encoder_2: text_model.encoder.layers.0.self_attn.out_proj.weight",
       {4, 2},
       {2, 4}},
  };
  for (const auto& row : rows) EXPECT_EQ(weight_of(row.layer, row.up, row.down, row.ends), row.weight) << row.layer;
}

Checkpoint layer(const std::string& name = "lora_te_text_model_encoder_layers_0_self_attn_q_proj") {
  const std::array<float, 8> zeros{};
  return Checkpoint().add(name + ".lora_down.weight", {2, 4}, zeros).add(name + ".lora_up.weight", {4, 2}, zeros);
}

TEST_F(LoraFiles, AlphaIsDividedByTheRank) {
  const std::string alpha = "lora_te_text_model_encoder_layers_0_self_attn_q_proj.alpha";
  EXPECT_EQ(read(layer())[0].change.scale, 1);
  EXPECT_EQ(read(layer().add(alpha, {}, std::array{3.0F}, DType::bf16))[0].change.scale, 1.5F);
  EXPECT_EQ(read(layer().add(alpha, {1}, std::array{-1.0F}))[0].change.scale, -0.5F);
  EXPECT_EQ(read(layer().add_bytes(alpha, {}, std::string("\4\0\0\0\0\0\0\0", 8), DType::i64))[0].change.scale, 2);
}

TEST_F(LoraFiles, AlphasAreReadFromPeftsConfigurationAsWell) {
  const auto scale = [&](const std::string& metadata) {
    layer().write(folder_.path() / "x.safetensors");
    Safetensors file = open_safetensors(folder_.path() / "x.safetensors");
    file.metadata["lora_adapter_metadata"] = metadata;
    return read_lora(file, model()).changes.at(0).change.scale;
  };
  EXPECT_EQ(scale(R"({"unet.lora_alpha": 8})"), 1) << "it is of another component";
  EXPECT_EQ(scale(R"({"text_encoder.lora_alpha": 8, "text_encoder.r": 2})"), 4);
  EXPECT_FLOAT_EQ(scale(R"({"text_encoder.lora_alpha": 8, "text_encoder.use_rslora": true})"), 8 / std::sqrt(2.0F));
  for (const std::string pattern :
       {"q_proj", "self_attn.q_proj", "^encoder.layers.0.self_attn.q_proj", "text_model.encoder.layers.0.self_attn.q_proj"})
    EXPECT_EQ(scale(R"({"text_encoder.lora_alpha": 8, "text_encoder.alpha_pattern": {")" + pattern + "\": 5}}"), 2.5F) << pattern;
  for (const std::string pattern : {"proj", "^q_proj", "encoder.layers.1.self_attn.q_proj"})
    EXPECT_EQ(scale(R"({"text_encoder.lora_alpha": 8, "text_encoder.alpha_pattern": {")" + pattern + "\": 5}}"), 4) << pattern;
  const auto refused = [&](const std::string& metadata) { return error_of<ModelError>([&] { scale(metadata); }); };
  EXPECT_THAT(refused("["), HasSubstr("x.safetensors: lora_adapter_metadata: "));
  EXPECT_THAT(refused("[]"), HasSubstr("expected an object, found []"));
  EXPECT_THAT(refused(R"({"text_encoder.lora_alpha": "8"})"), HasSubstr("text_encoder.lora_alpha: expected a number, found \"8\""));
  EXPECT_THAT(refused(R"({"text_encoder.use_rslora": 1})"), HasSubstr("expected true or false"));
  EXPECT_THAT(refused(R"({"text_encoder.alpha_pattern": 1})"), HasSubstr("expected an object"));
  EXPECT_THAT(refused(R"({"text_encoder.alpha_pattern": {".*_proj": 1}})"), HasSubstr("the regular expression \".*_proj\""));
}

TEST_F(LoraFiles, LeavesOutWhatTheModelLacks) {
  for (const std::string name :
       {"lora_unet_up_blocks_2_a.lora_down.weight", "lora_te3_encoder.alpha", "text_encoder_3.x.lora_A.weight",
        "lora_unet_conv_in.oft_blocks", "unet.conv_in.weight", "unet.up_blocks.0.norm.lora_A.weight",
        "unet.mid_block.resnets.0.conv1.diff_b", "text_encoder.embeddings.token_embedding.lora_A.weight", "lora_te2_.alpha", "epoch", ""}) {
    const LoraFile file = read_file(layer().add(name, {1}, std::array{0.0F}));
    EXPECT_EQ(file.changes.size(), 1U);
    EXPECT_THAT(file.unknown, testing::ElementsAre(name));
  }
}

TEST_F(LoraFiles, RefusesWhatIsMadeForAnotherModel) {
  const auto for_family = [&](const std::string& name, const Shape& shape) {
    return error(Checkpoint().add(name, shape, std::vector<float>(byte_size(DType::i8, shape))));
  };
  EXPECT_THAT(for_family("lora_unet_a.lora_down.weight", {1, 4}),
              AllOf(HasSubstr("x.safetensors: is made for another model: it changes no layer that this one has; its 1 tensors are such as "
                              "\"lora_unet_a.lora_down.weight\""),
                    HasSubstr("Use it with the model that its publisher names")));
  const struct {
    const char* name;
    Shape shape;
    const char* family;
  } rows[] = {
      {"lora_unet_double_blocks_0_img_attn_proj.lora_down.weight", {1, 4}, "Flux"},
      {"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight", {1, 4}, "Flux"},
      {"lora_unet_joint_blocks_0_x_block_attn_proj.lora_down.weight", {1, 4}, "Stable Diffusion 3"},
      {"transformer.transformer_blocks.0.attn.to_q.lora_A.weight", {1, 4}, "Stable Diffusion 3 or another transformer"},
      {"lora_prior_unet_blocks_0.lora_down.weight", {1, 4}, "Würstchen or Stable Cascade"},
      {"lora_te2_text_model_encoder_layers_9_mlp_fc1.lora_down.weight", {1, 1280}, "SDXL"},
      {"lora_unet_x_transformer_blocks_0_attn2_to_k.lora_down.weight", {1, 768}, "Stable Diffusion 1"},
      {"unet.x.transformer_blocks.0.attn2.to_v.lora_A.weight", {1, 1024}, "Stable Diffusion 2"},
      {"lora_unet_x_attn2_to_k.hada_w1_b", {1, 2048}, "SDXL"},
      {"lora_unet_conv_in.oft_blocks", {1, 4, 4}, "OFT"},
  };
  for (const auto& row : rows) EXPECT_THAT(for_family(row.name, row.shape), HasSubstr(std::string("It seems to be for ") + row.family));
  // Its layers are there, with other shapes.
  EXPECT_THAT(error(Checkpoint()
                        .add("lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight", {1, 768}, std::vector<float>(768))
                        .add("lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight", {4, 1}, std::vector<float>(4))),
              HasSubstr("is it made for another model? It seems to be for Stable Diffusion 1"));
}

TEST_F(LoraFiles, BundledWordsAreFilesOfTheirOwn) {
  const std::array<float, 8> vectors{};
  const LoraFile file = read_file(layer()
                                      .add("bundle_emb.cat.clip_l", {2, 4}, vectors)
                                      .add("bundle_emb.cat.clip_g", {2, 4}, vectors)
                                      .add("bundle_emb.fox.string_to_param.*", {2, 4}, vectors)
                                      .add("bundle_emb.", {1}, std::array{0.0F}));
  ASSERT_EQ(file.words.size(), 2U);
  EXPECT_TRUE(file.words.at("cat").tensors.contains("clip_g"));
  EXPECT_TRUE(file.words.at("fox").tensors.contains("string_to_param.*"));
  EXPECT_THAT(file.unknown, testing::ElementsAre("bundle_emb."));
  EXPECT_EQ(read_file(Checkpoint().add("bundle_emb.fox.emb_params", {2, 4}, vectors)).words.size(), 1U) << "a file may have nothing else";
}

TEST_F(LoraFiles, RefusesWhatDoesNotFitTogether) {
  const std::string q = "lora_te_text_model_encoder_layers_0_self_attn_q_proj", other = "text_encoder.encoder.layers.0.self_attn.q_proj";
  const auto parts = [&](const Shape& down, const Shape& up, DType dtype = DType::f32) {
    return Checkpoint()
        .add_bytes(q + ".lora_down.weight", down, std::string(byte_size(dtype, down), '\0'), dtype)
        .add_bytes(q + ".lora_up.weight", up, std::string(byte_size(dtype, up), '\0'), dtype);
  };
  const auto with_alpha = [&](const Shape& shape, const std::string& bytes, DType dtype) {
    return layer().add_bytes(q + ".alpha", shape, bytes, dtype);
  };
  EXPECT_THAT(error(Checkpoint()), HasSubstr("x.safetensors: no LoRA"));
  EXPECT_THAT(error(Checkpoint().add(q + ".lora_down.weight", {2, 4}, std::array<float, 8>{})),
              HasSubstr("expected with it the up part of the same layer"));
  EXPECT_THAT(error(Checkpoint().add(q + ".lora_up.weight", {4, 2}, std::array<float, 8>{})), HasSubstr("expected with it the down part"));
  EXPECT_THAT(error(Checkpoint().add(q + ".alpha", {}, std::array{1.0F})), HasSubstr("expected with it the down and the up part"));
  EXPECT_THAT(error(layer().add(other + ".lora_A.weight", {2, 4}, std::array<float, 8>{})), HasSubstr("the same weight as"));
  EXPECT_THAT(error(parts({2, 5}, {4, 2})),
              AllOf(HasSubstr("expected shape [2, 4] for encoder.layers.0.self_attn.q_proj.weight of [4, 4], found [2, 5]"),
                    HasSubstr("another model")));
  EXPECT_THAT(error(parts({2, 4}, {4, 3})), HasSubstr("expected shape [4, 2] for"));
  EXPECT_THAT(error(parts({2, 4}, {2, 4})), HasSubstr("expected shape [4, 2] for"));
  EXPECT_THAT(error(parts({0, 4}, {4, 0})), HasSubstr("expected a rank of 1 to 4096, found shape [0, 4]"));
  EXPECT_THAT(error(parts({}, {4, 2})), HasSubstr("expected a rank"));
  EXPECT_THAT(error(parts({4097, 4}, {4, 4097})), HasSubstr("expected a rank of 1 to 4096"));
  EXPECT_THAT(error(parts({2, 4}, {4, 2}, DType::i32)), HasSubstr("expected a floating-point type, found I32"));
  EXPECT_THAT(error(with_alpha({2}, std::string(8, '\0'), DType::f32)), HasSubstr("alpha\": expected one number, found shape [2]"));
  EXPECT_THAT(error(with_alpha({0}, "", DType::f32)), HasSubstr("expected one number, found shape [0]"));
  EXPECT_THAT(error(with_alpha({}, "\1", DType::f8_e8m0)), HasSubstr("a tensor of type F8_E8M0 where numbers are needed"));
  EXPECT_THAT(error(with_alpha({}, std::string("\0\0\x80\x7f", 4), DType::f32)), HasSubstr("expected a finite number"));
}

}  // namespace
}  // namespace p2p::engine
