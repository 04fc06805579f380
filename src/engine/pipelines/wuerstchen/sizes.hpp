#pragma once

#include <string>
#include <vector>

#include "engine/pipelines/text_to_image.hpp"
#include "engine/pipelines/wuerstchen/layout.hpp"

namespace p2p::engine::wuerstchen {

/// Sides of one picture in each stage's latents.
struct Sizes {
  std::size_t prior_height = 0;
  std::size_t prior_width = 0;
  std::size_t height = 0;  ///< of the decoder
  std::size_t width = 0;
};

/// What the latents' sides must obey.
struct SizeRules {
  PipelineConfig config;
  std::size_t multiple = 1;  ///< the decoder's sides are multiples of this
  std::size_t upscale = 4;   ///< pixels a side for each of the decoder's latents
};

/// The sizes for the picture that `params` ask for (width and height set), or for the next larger one that the model can draw: then
/// `params` are changed and `notices` say so. Throws UsageError where there is none.
Sizes fit_sizes(const SizeRules& rules, GenerateParams& params, std::vector<std::string>& notices);

}  // namespace p2p::engine::wuerstchen
