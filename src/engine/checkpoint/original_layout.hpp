#pragma once

#include <span>

#include "engine/checkpoint/name_rules.hpp"

// Rules from the tensor names of CompVis' and Stability's code, below the prefix of each network, to diffusers' names.
// Follows diffusers' loaders/single_file_utils.py.
namespace p2p::engine::original_layout {

/// Prefix of the UNet's names.
inline constexpr std::string_view kUnet = "model.diffusion_model.";

/// Of kUnet, for UNet2DConditionModel; `places` of BlockCounts count.
std::span<const NameRule> unet();
/// Of `first_stage_model.`, for AutoencoderKL; `levels` of BlockCounts count.
std::span<const NameRule> vae();
/// Of OpenCLIP's model, for CLIPTextModelWithProjection.
std::span<const NameRule> open_clip();

}  // namespace p2p::engine::original_layout
