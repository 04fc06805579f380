#include "engine/models/stable_diffusion/unet_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

UnetConfig load(const std::string& text) {
  const golden::TempFolder folder;
  const auto file = folder.path() / "config.json";
  std::ofstream(file) << text;
  return UnetConfig::load(file);
}

TEST(UnetConfig, HasDiffusersDefaults) {
  const UnetConfig config = load("{}");
  EXPECT_THAT(config.block_out_channels, ElementsAre(320, 640, 1280, 1280));
  EXPECT_THAT(config.down_attention, ElementsAre(true, true, true, false));
  EXPECT_THAT(config.up_attention, ElementsAre(false, true, true, true));
  EXPECT_THAT(config.layers_per_block, ElementsAre(2, 2, 2, 2));
  EXPECT_THAT(config.heads, ElementsAre(8, 8, 8, 8));
  EXPECT_EQ(config.cross_attention_dim, 1280U);
  EXPECT_EQ(config.time_embed_dim, 1280U);
  EXPECT_TRUE(config.has_mid_block);
  EXPECT_THAT(config.sample_size, ElementsAre(0, 0));
}

TEST(UnetConfig, ReadsDepthsOfTransformers) {
  const std::string two = R"({"block_out_channels": [32, 64], "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
                              "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"], "layers_per_block": [1, 2], "mid_block_type": null, )";
  const UnetConfig config = load(two + R"("transformer_layers_per_block": [1, 10], "sample_size": [48, 64]})");
  EXPECT_THAT(config.down_transformers, ElementsAre(ElementsAre(1), ElementsAre(10, 10)));
  EXPECT_THAT(config.up_transformers, ElementsAre(ElementsAre(10, 10, 10), ElementsAre(1, 1)));
  EXPECT_EQ(config.mid_transformer, 10U);
  EXPECT_FALSE(config.has_mid_block);
  EXPECT_THAT(config.sample_size, ElementsAre(48, 64));

  const UnetConfig nested = load(two + R"("transformer_layers_per_block": [[1], [2, 4]],
                                          "reverse_transformer_layers_per_block": [[5, 6, 7], 3]})");
  EXPECT_THAT(nested.down_transformers, ElementsAre(ElementsAre(1), ElementsAre(2, 4)));
  EXPECT_THAT(nested.up_transformers, ElementsAre(ElementsAre(5, 6, 7), ElementsAre(3, 3)));
  EXPECT_EQ(nested.mid_transformer, 2U);
}

TEST(UnetConfig, ReadsDistilledModels) {
  const UnetConfig config = load(R"({"block_out_channels": [32, 64], "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
                                     "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"], "mid_block_type": "UNetMidBlock2D",
                                     "transformer_layers_per_block": [0, [4, 4]],
                                     "reverse_transformer_layers_per_block": [[4, 4, 10], 0]})");
  EXPECT_TRUE(config.has_mid_block);
  EXPECT_FALSE(config.mid_attention);
  EXPECT_THAT(config.up_transformers[0], ElementsAre(4, 4, 10));
  EXPECT_TRUE(load("{}").mid_attention);
}

TEST(UnetConfig, RefusesOtherNetworks) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {R"({"block_out_channels": []})", "block_out_channels: expected 1 to 8 levels, found 0"},
      {R"({"block_out_channels": [320, 640]})", "down_block_types: expected one entry for each of the 2 entries"},
      {R"({"norm_num_groups": 48})", "block_out_channels: expected multiples of norm_num_groups 48, found 320"},
      {R"({"down_block_types": ["SimpleCrossAttnDownBlock2D", "DownBlock2D", "DownBlock2D", "DownBlock2D"]})",
       "down_block_types: expected DownBlock2D or CrossAttnDownBlock2D, found \"SimpleCrossAttnDownBlock2D\""},
      {R"({"mid_block_type": "UNetMidBlock2DSimpleCrossAttn"})",
       "mid_block_type: expected null, UNetMidBlock2D or UNetMidBlock2DCrossAttn, found \"UNetMidBlock2DSimpleCrossAttn\""},
      {R"({"transformer_layers_per_block": [1, 1, 1, 0]})",
       "expected at the last block the depth of the middle one's transformer, found 0"},
      {R"({"num_attention_heads": 8})", "num_attention_heads: only null is supported, found 8"},
      {R"({"class_embed_type": "timestep"})", "class_embed_type: only null"},
      {R"({"addition_embed_type": "text"})", "addition_embed_type: only \"text_time\" is supported, found \"text\""},
      {R"({"addition_embed_type": "text_time"})", "addition_time_embed_dim: expected an integer"},
      {R"({"only_cross_attention": [true, true, true, false]})", "only_cross_attention: only false is supported"},
      {R"({"dual_cross_attention": true})", "dual_cross_attention: only false"},
      {R"({"resnet_time_scale_shift": "scale_shift"})", "resnet_time_scale_shift: only \"default\" is supported"},
      {R"({"act_fn": "gelu"})", "act_fn: only \"silu\" is supported, found \"gelu\""},
      {R"({"conv_in_kernel": 4})", "conv_in_kernel: expected an odd number, found 4"},
      {R"({"attention_head_dim": 400})", "attention_head_dim: expected at most as many heads as the level has channels, 320, found 400"},
      {R"({"attention_head_dim": [8, 8]})", "attention_head_dim: expected one entry for each of the 4"},
      {R"({"cross_attention_dim": [8, 8, 16, 8]})", "cross_attention_dim: only one width is supported"},
      {R"({"transformer_layers_per_block": [[1, 1], 1, 1, 1]})", "reverse_transformer_layers_per_block: expected a list of lists"},
      {R"({"transformer_layers_per_block": [[1], 1, 1, 1]})", "transformer_layers_per_block: expected 2 entries for block 0"},
      {R"({"transformer_layers_per_block": [0, 1, 1, 1]})", "transformer_layers_per_block: expected integers from 1 to 64, found 0"},
      {R"({"sample_size": [64]})", "sample_size: expected height and width"},
  };
  for (const auto& [text, message] : cases) EXPECT_THAT(golden::error_of<ModelError>([&] { load(text); }), HasSubstr(message)) << text;
}

}  // namespace
}  // namespace p2p::engine::stable_diffusion
