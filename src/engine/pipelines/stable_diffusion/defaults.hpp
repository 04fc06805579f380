#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/models/stable_diffusion/unet_config.hpp"
#include "engine/pipelines/model_card.hpp"
#include "engine/pipelines/stable_diffusion/model_index.hpp"
#include "engine/pipelines/text_to_image.hpp"

namespace p2p::engine::stable_diffusion {

/// A model's default parameters: those of its card, else 25 steps with guidance 7.5. Few-step models default to 4 steps:
/// latent consistency models with diffusers' guidance for them, Turbo (detected by a schedule that starts at its end) without guidance.
struct Defaults {
  int width = 0;  ///< px
  int height = 0;
  int steps = 0;
  double guidance = 0;
  double strength = 0;
  std::optional<int> clip_skip;  ///< see GenerateParams

  static Defaults of(const ModelIndex& index, const UnetConfig& unet, std::size_t upscale, const ModelCard& card);

  /// Completes `asked`. Sides are rounded up to multiples of `upscale`, those of an input picture down; `notices` report it.
  /// Throws UsageError for unsupported parameters.
  GenerateParams fill_in(GenerateParams asked, std::size_t upscale, std::vector<Sentence>& notices) const;
};

}  // namespace p2p::engine::stable_diffusion
