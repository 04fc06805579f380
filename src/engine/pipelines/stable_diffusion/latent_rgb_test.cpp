#include "engine/pipelines/stable_diffusion/latent_rgb.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <vector>

namespace p2p::engine::stable_diffusion {
namespace {

// The published recipes: of SD 1 in -1..1, as InvokeAI and ComfyUI used it; of SDXL in 0..255, from diffusers' documentation.
TEST(LatentRgb, EqualsPublishedMaps) {
  const std::vector<float> latents{1, 0, -1, 0, 2, 0, 0, 1};  // (1, -1, 2, 0) and (0, 0, 0, 1)
  const auto of = [](double value) { return static_cast<int>(std::lround(255 * (value / 2 + 0.5))); };
  const Image first = latent_rgb(Family::stable_diffusion, latents, 2, 1);
  EXPECT_EQ(std::pair(first.width, first.height), std::pair(2, 1));
  EXPECT_THAT(first.rgb, ::testing::ElementsAre(of(0.298 - 0.187 - 2 * 0.158), of(0.207 - 0.286 + 2 * 0.189), of(0.208 - 0.173 + 2 * 0.264),
                                                of(-0.184), of(-0.271), of(-0.473)));
  EXPECT_EQ(latent_rgb(Family::latent_consistency, latents, 2, 1).rgb, first.rgb);
  EXPECT_THAT(latent_rgb(Family::xl, latents, 2, 1).rgb, ::testing::ElementsAre(255, 235, 170, 80, 90, 95));
}

TEST(LatentRgb, ClampsColours) {
  const std::vector<float> latents{100, -100, 0, 0, 0, 0, 0, 0};
  EXPECT_THAT(latent_rgb(Family::xl, latents, 1, 2).rgb, ::testing::ElementsAre(255, 255, 255, 0, 0, 0));
}

}  // namespace
}  // namespace p2p::engine::stable_diffusion
