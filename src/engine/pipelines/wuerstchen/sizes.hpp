#pragma once

#include <string>
#include <vector>

#include "engine/pipelines/text_to_image.hpp"
#include "engine/pipelines/wuerstchen/layout.hpp"

namespace p2p::engine::wuerstchen {

/// The size of one picture in the latents of each stage.
struct Sizes {
  std::size_t prior_height = 0;
  std::size_t prior_width = 0;
  std::size_t height = 0;  ///< of the decoder
  std::size_t width = 0;
};

/// Constraints on the sides of the latents.
struct SizeRules {
  PipelineConfig config;
  std::size_t multiple = 1;  ///< the decoder's sides are multiples of this
  std::size_t upscale = 4;   ///< pixels along each side per latent of the decoder
};

/// The sizes for `params` (width and height set), or for the next larger size that the model supports, which changes `params` and adds a
/// notice. Throws UsageError if there is none.
Sizes fit_sizes(const SizeRules& rules, GenerateParams& params, std::vector<Sentence>& notices);

}  // namespace p2p::engine::wuerstchen
