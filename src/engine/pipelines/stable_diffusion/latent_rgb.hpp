#pragma once

#include <cstddef>
#include <span>

#include "engine/image/image.hpp"
#include "engine/pipelines/stable_diffusion/model_index.hpp"

namespace p2p::engine::stable_diffusion {

inline constexpr std::size_t kLatentRgbChannels = 4;

/// A rough picture of `latents` [kLatentRgbChannels, height, width], one pixel each: the nearest linear map to the family's VAE.
Image latent_rgb(Family family, std::span<const float> latents, int width, int height);

}  // namespace p2p::engine::stable_diffusion
