#pragma once

#include <span>

#include "engine/checkpoint/name_rules.hpp"

// Names of Stable Diffusion's networks in the layout of CompVis' and Stability's own code, below each network's prefix, and what diffusers
// calls them. As in diffusers' loaders/single_file_utils.py.
namespace p2p::engine::original_layout {

/// What the UNet's names begin with.
inline constexpr std::string_view kUnet = "model.diffusion_model.";

/// Of kUnet, for UNet2DConditionModel; `places` of BlockCounts count.
std::span<const NameRule> unet();
/// Of `first_stage_model.`, for AutoencoderKL; `levels` of BlockCounts count.
std::span<const NameRule> vae();
/// Of OpenCLIP's model, for CLIPTextModelWithProjection.
std::span<const NameRule> open_clip();

}  // namespace p2p::engine::original_layout
