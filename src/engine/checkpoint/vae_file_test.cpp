#include "engine/checkpoint/vae_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.hpp"
#include "engine/testing/golden.hpp"

namespace p2p::engine {
namespace {

using golden::Checkpoint;
using golden::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

/// Tensors of two numbers, each with four dimensions.
Checkpoint names(const std::vector<std::string>& all) {
  Checkpoint file;
  for (const std::string& name : all) file.add(name, {2, 1, 1, 1}, std::array{1.0F, 2.0F});
  return file;
}

class VaeFiles : public testing::Test {
 protected:
  VaeFile open(const std::vector<std::string>& all, const std::string& name = "x.safetensors") {
    names(all).write(folder_.path() / name);
    return open_vae_file(folder_.path() / name, OriginalFamily::sdxl);
  }
  std::string error(const std::vector<std::string>& all, const std::string& name = "x.safetensors") {
    return error_of<ModelError>([&] { open(all, name); });
  }
  static std::vector<std::string> tensors(const VaeFile& vae) {
    std::vector<std::string> names;
    for (const auto& [name, entry] : vae.component.weights.tensors) names.push_back(name);
    return names;
  }

  golden::TempFolder folder_;
};

TEST_F(VaeFiles, TinyOnesHaveDiffusersNamesOrTheirOwn) {
  const std::vector<std::string> expected{"decoder.layers.0.weight", "decoder.layers.2.conv.0.weight", "encoder.layers.0.weight"};
  for (const std::vector<std::string>& all : {expected,
                                              {"decoder.1.weight", "decoder.3.conv.0.weight", "encoder.0.weight"},
                                              {"taesd_decoder.1.weight", "taesd_decoder.3.conv.0.weight", "taesd_encoder.0.weight"}}) {
    const VaeFile vae = open(all);
    EXPECT_EQ(vae.class_name, "AutoencoderTiny");
    EXPECT_EQ(tensors(vae), expected);
    EXPECT_EQ(vae.component.config.json().at("latent_channels"), 1);
  }
  names({"0.weight"}).write(folder_.path() / "taesd_encoder.safetensors");
  EXPECT_EQ(tensors(open({"1.weight", "3.conv.0.weight"}, "taesd_decoder.safetensors")), expected);
  EXPECT_EQ(tensors(open_vae_file(folder_.path() / "taesd_encoder.safetensors", OriginalFamily::sd1)), expected);
  EXPECT_THAT(error({"1.weight"}, "other_decoder.safetensors"),
              HasSubstr("is the decoder of TAESD; expected the other half beside it as other_encoder.safetensors, found none"));
  EXPECT_THAT(error({"1.weight"}, "other.safetensors"), HasSubstr("expected the other half beside it, found none"));
}

const std::vector<std::string> kOriginalVae{"decoder.conv_in.weight",
                                            "decoder.conv_out.weight",
                                            "decoder.up.0.block.0.norm1.weight",
                                            "decoder.up.1.block.0.norm1.weight",
                                            "encoder.conv_in.weight",
                                            "encoder.down.0.block.0.conv1.weight",
                                            "quant_conv.weight"};
const std::vector<std::string> kDiffusersVae{"decoder.conv_in.weight",
                                             "decoder.conv_out.weight",
                                             "decoder.up_blocks.0.resnets.0.norm1.weight",
                                             "decoder.up_blocks.1.resnets.0.norm1.weight",
                                             "encoder.conv_in.weight",
                                             "encoder.down_blocks.0.resnets.0.conv1.weight",
                                             "quant_conv.weight"};

TEST_F(VaeFiles, LargeOnesHaveEitherLayout) {
  std::vector<std::string> below{"model.diffusion_model.out.0.weight", "cond_stage_model.x"};
  for (const std::string& name : kOriginalVae) below.push_back("first_stage_model." + name);
  for (const auto& all : {kOriginalVae, kDiffusersVae, below}) {
    const VaeFile vae = open(all);
    EXPECT_EQ(vae.class_name, "AutoencoderKL");
    EXPECT_EQ(tensors(vae), kDiffusersVae);
    EXPECT_EQ(vae.component.config.json().at("scaling_factor"), 0.13025) << "of the family";
    EXPECT_EQ(vae.component.config.json().at("use_quant_conv"), true);
  }
}

TEST_F(VaeFiles, TakeTheConfigurationBesideThem) {
  std::ofstream(folder_.path() / "config.json") << R"({"_class_name": "AutoencoderKL", "scaling_factor": 0.5})";
  EXPECT_EQ(open(kDiffusersVae, "diffusion_pytorch_model.fp16.safetensors").component.config.json().at("scaling_factor"), 0.5);
  EXPECT_EQ(open(kDiffusersVae).component.config.json().at("scaling_factor"), 0.13025) << "it may belong to something else";
}

TEST_F(VaeFiles, RefuseOthers) {
  EXPECT_THAT(error({"model.diffusion_model.out.0.weight"}), HasSubstr("expected a VAE: tensors decoder.up_blocks. (diffusers)"));
  EXPECT_THAT(error({}), HasSubstr("found none"));
  EXPECT_THAT(error({"decoder.up.0.block.0.norm1.weight"}), HasSubstr("encoder.conv_in.weight: missing"));
}

}  // namespace
}  // namespace p2p::engine
