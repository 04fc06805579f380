#include "engine/models/stable_diffusion/unet.hpp"

#include <gtest/gtest.h>

#include <array>

#include "base/error.hpp"
#include "engine/models/stable_diffusion/embeddings.hpp"
#include "engine/testing/golden.hpp"
#include "engine/testing/topology.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

std::shared_ptr<Unet> unet_of(const std::string& name) {
  return std::make_shared<Unet>(golden::file("stable_diffusion/" + name + "/unet"));
}

class UnetOf : public testing::TestWithParam<const char*> {
 protected:
  Inputs time_constants() const {
    Inputs inputs;
    if (unet_->config().time_cond_proj_dim != 0) inputs["condition"] = guidance_scale_embedding(7.5, unet_->config().time_cond_proj_dim);
    if (unet_->config().addition_time_embed_dim == 0) return inputs;
    const auto pooled = tensors_.floats("unet/text_embeds");
    const auto ids = tensors_.floats("unet/time_ids");
    const std::size_t width = tensors_.shape("unet/text_embeds")[1];
    for (std::size_t i = 0; i < 2; ++i) {
      const auto row = unet_->added_condition(std::span(pooled).subspan(i * width, width), std::span(ids).subspan(i * 6, 6));
      inputs["added"].insert(inputs["added"].end(), row.begin(), row.end());
    }
    return inputs;
  }

  const golden::Tensors tensors_{std::string("stable_diffusion/") + GetParam() + ".safetensors"};
  const std::shared_ptr<Unet> unet_ = unet_of(GetParam());
  const LatentShape shape_{.batch = 2, .height = 5, .width = 7, .tokens = 9};
};

TEST_P(UnetOf, EqualsDiffusers) {
  const Denoiser denoiser(unet_, Precision::f32, 1);
  const std::array times{1.0F, tensors_.floats("unet/timestep")[0]};
  DenoiseSession session(denoiser.compile(shape_), tensors_.floats("unet/text"), times, {}, time_constants());
  EXPECT_TRUE(golden::near(session.predict(tensors_.floats("unet/x"), 1), tensors_.floats("unet/output"), 5e-5));
  EXPECT_GT(session.multiply_adds(), 0);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, UnetOf, testing::Values("sd1", "sd2", "lcm", "turbo", "sdxl"),
                         [](const auto& test) { return std::string(test.param); });

TEST(Unet, GuidanceScaleEmbeddingEqualsDiffusers) {
  const golden::Tensors tensors("stable_diffusion/lcm.safetensors");
  const auto expected = tensors.floats("unet/timestep_cond");
  EXPECT_TRUE(golden::near(guidance_scale_embedding(7.5, 32), std::span(expected).first(32), 1e-3));
}

TEST(Unet, RefusesAPooledTextOfAnotherWidth) {
  const auto unet = unet_of("sdxl");
  const std::string error = golden::error_of<ModelError>([&] { unet->added_condition(std::vector<float>(11), std::vector<float>(6)); });
  EXPECT_NE(error.find("projection_class_embeddings_input_dim: expected 47"), std::string::npos) << error;
}

class PublishedUnet : public testing::TestWithParam<const char*> {};

TEST_P(PublishedUnet, HasTheTopology) {
  const golden::Topology topology(std::string("unet_") + GetParam());
  EXPECT_TRUE(topology.equals(Unet(UnetConfig::load(topology.config), Weights::zeros()).weights()));
}

INSTANTIATE_TEST_SUITE_P(Topology, PublishedUnet, testing::Values("sd1", "sd2", "lcm", "sdxl"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace p2p::engine::stable_diffusion
