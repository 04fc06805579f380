#pragma once

#include <string>
#include <vector>

#include "engine/models/stable_diffusion/unet_config.hpp"
#include "engine/pipelines/model_card.hpp"
#include "engine/pipelines/stable_diffusion/model_index.hpp"
#include "engine/pipelines/text_to_image.hpp"

namespace p2p::engine::stable_diffusion {

/// What a model draws with where nothing is asked for: what its card says, else 25 steps with guidance 7.5. Those of few steps take 4:
/// latent consistency models with diffusers' guidance for them, Turbo, known by a schedule that begins at its very end, without guidance.
struct Defaults {
  int width = 0;  ///< px
  int height = 0;
  int steps = 0;
  double guidance = 0;
  double strength = 0;

  static Defaults of(const ModelIndex& index, const UnetConfig& unet, std::size_t upscale, const ModelCard& card);

  /// `asked` with what it leaves open; sides are raised to multiples of `upscale`, a picture's own are lowered, which `notices` tell.
  /// Throws UsageError for what cannot be drawn.
  GenerateParams fill_in(GenerateParams asked, std::size_t upscale, std::vector<std::string>& notices) const;
};

}  // namespace p2p::engine::stable_diffusion
