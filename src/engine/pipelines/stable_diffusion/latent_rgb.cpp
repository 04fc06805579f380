#include "engine/pipelines/stable_diffusion/latent_rgb.hpp"

#include <array>
#include <vector>

namespace p2p::engine::stable_diffusion {
namespace {

/// A colour, 0 to 1, is `bias` plus the sum of the latents times their factors.
struct Colour {
  std::array<float, kLatentRgbChannels> factors;
  float bias;
};

// The published fits: of SD 1 (Hugging Face's forum, topic 23204), whose VAE differs little from that of SD 2, and of SDXL (diffusers'
// documentation, "Pipeline callbacks").
constexpr std::array<Colour, 3> kStableDiffusion{{{{0.149F, 0.0935F, -0.079F, -0.092F}, 0.5F},
                                                  {{0.1035F, 0.143F, 0.0945F, -0.1355F}, 0.5F},
                                                  {{0.104F, 0.0865F, 0.132F, -0.2365F}, 0.5F}}};
constexpr std::array<Colour, 3> kXl{{{{60 / 255.F, -60 / 255.F, 25 / 255.F, -70 / 255.F}, 150 / 255.F},
                                     {{60 / 255.F, -5 / 255.F, 15 / 255.F, -50 / 255.F}, 140 / 255.F},
                                     {{60 / 255.F, 10 / 255.F, -5 / 255.F, -35 / 255.F}, 130 / 255.F}}};

}  // namespace

Image latent_rgb(Family family, std::span<const float> latents, int width, int height) {
  const std::size_t plane = latents.size() / kLatentRgbChannels;
  std::vector<float> planes;
  planes.reserve(3 * plane);
  for (const Colour& colour : family == Family::xl ? kXl : kStableDiffusion) {
    for (std::size_t i = 0; i < plane; ++i) {
      float value = colour.bias;
      for (std::size_t channel = 0; channel < kLatentRgbChannels; ++channel)
        value += colour.factors[channel] * latents[channel * plane + i];
      planes.push_back(value);
    }
  }
  return image_from_planes(planes, width, height);
}

}  // namespace p2p::engine::stable_diffusion
