#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace p2p::engine::stable_diffusion {

enum class Family {
  stable_diffusion,    ///< 1.x, 2.x, SD-Turbo
  latent_consistency,  ///< with the guidance as an input of the UNet
  xl,                  ///< SDXL, SDXL-Turbo
};

/// The family of the networks in a folder of that pipeline class of diffusers, such as StableDiffusionImg2ImgPipeline: pipelines differ in
/// what they do with the networks, not in these. nullopt for pipelines of other networks.
std::optional<Family> family_of_pipeline(std::string_view class_name);

/// For a class that family_of_pipeline() does not know: "FluxPipeline, which is Flux", or the name alone.
std::string describe_pipeline(std::string_view class_name);

}  // namespace p2p::engine::stable_diffusion
