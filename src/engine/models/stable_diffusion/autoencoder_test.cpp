#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.hpp"
#include "engine/models/stable_diffusion/autoencoder_kl.hpp"
#include "engine/models/stable_diffusion/autoencoder_tiny.hpp"
#include "engine/testing/golden.hpp"
#include "engine/testing/topology.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

using golden::near;

/// Both directions against what diffusers made of the same values in tests/golden/stable_diffusion.
template <typename Autoencoder>
void expect_equal(const std::string& name, const std::string& encoded) {
  const golden::Tensors tensors("stable_diffusion/" + name + ".safetensors");
  Autoencoder vae(golden::file("stable_diffusion/" + name + "/vae"));
  auto latents = tensors.floats("vae/latents");  // the pipeline's division is behind them
  for (float& value : latents) value *= vae.config().scaling_factor;
  const Shape& size = tensors.shape("vae/latents");
  EXPECT_EQ(tensors.shape("vae/image")[2], size[2] * vae.config().upscale());
  EXPECT_TRUE(near(golden::run(vae.decode_graph(size[2], size[3]), {{"latents", latents}}, {"image"}).at("image"),
                   tensors.floats("vae/image"), 5e-5));
  const Shape& picture = tensors.shape("vae/picture");
  const golden::Values input{{"image", tensors.floats("vae/picture")}};
  EXPECT_TRUE(
      near(golden::run(vae.encode_graph(picture[2], picture[3]), input, {encoded}).at(encoded), tensors.floats("vae/moments"), 5e-5));
}

class AutoencoderKlOf : public testing::TestWithParam<const char*> {};

// sd1 and lcm have the names of attention's parts that diffusers wrote before 2023.
TEST_P(AutoencoderKlOf, EqualsDiffusers) { expect_equal<AutoencoderKl>(GetParam(), "moments"); }

INSTANTIATE_TEST_SUITE_P(Fixtures, AutoencoderKlOf, testing::Values("sd1", "sd2", "lcm", "sdxl"),
                         [](const auto& test) { return std::string(test.param); });

TEST(AutoencoderTiny, EqualsDiffusers) { expect_equal<AutoencoderTiny>("turbo", "latents"); }

TEST(AutoencoderKl, HasThePublishedTopology) {
  const golden::Topology topology("autoencoder_kl");
  EXPECT_TRUE(topology.equals(AutoencoderKl(AutoencoderKlConfig::load(topology.config), Weights::zeros()).weights()));
}

TEST(AutoencoderTiny, HasThePublishedTopology) {
  const golden::Topology topology("autoencoder_tiny");
  EXPECT_TRUE(topology.equals(AutoencoderTiny(AutoencoderTinyConfig::load(topology.config), Weights::zeros()).weights()));
}

/// What load() says to a config of this text.
template <typename Config>
std::string error_of_config(const std::string& text) {
  const golden::TempFolder folder;
  const auto file = folder.path() / "config.json";
  std::ofstream(file) << text;
  return golden::error_of<ModelError>([&] { Config::load(file); });
}

TEST(AutoencoderKl, RefusesWhatItHasNotInItsConfig) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {R"({"block_out_channels": []})", "block_out_channels: expected 1 to 8 levels, found 0"},
      {R"({"block_out_channels": [40]})", "block_out_channels: expected multiples of norm_num_groups 32, found 40"},
      {R"({"up_block_types": ["AttnUpDecoderBlock2D"]})", "up_block_types: only UpDecoderBlock2D is supported"},
      {R"({"down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"]})", "down_block_types: expected one entry for each of the 1"},
      {R"({"shift_factor": 0.1})", "shift_factor: only null is supported, found 0.1"},
      {R"({"latents_mean": [0, 0, 0, 0]})", "latents_mean: only null"},
      {R"({"act_fn": "mish"})", "act_fn: only \"silu\" is supported, found \"mish\""},
      {R"({"scaling_factor": 0})", "scaling_factor: expected a number"},
  };
  for (const auto& [text, message] : cases) EXPECT_THAT(error_of_config<AutoencoderKlConfig>(text), testing::HasSubstr(message)) << text;
}

TEST(AutoencoderTiny, RefusesWhatItHasNotInItsConfig) {
  const std::vector<std::pair<const char*, const char*>> cases{
      {R"({"decoder_block_out_channels": [64, 64, 32, 64]})", "decoder_block_out_channels: expected the same number 4 times"},
      {R"({"num_decoder_blocks": []})", "num_decoder_blocks: expected 1 to 8 levels, found 0"},
      {R"({"num_encoder_blocks": [1, 2]})", "num_encoder_blocks: expected as many entries as num_decoder_blocks has, 4, found 2"},
      {R"({"act_fn": "gelu"})", "act_fn: only \"relu\" is supported, found \"gelu\""},
      {R"({"upsampling_scaling_factor": 4})", "upsampling_scaling_factor: expected an integer from 2 to 2"},
  };
  for (const auto& [text, message] : cases) EXPECT_THAT(error_of_config<AutoencoderTinyConfig>(text), testing::HasSubstr(message)) << text;
}

}  // namespace
}  // namespace p2p::engine::stable_diffusion
