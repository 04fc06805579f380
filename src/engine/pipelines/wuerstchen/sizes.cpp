#include "engine/pipelines/wuerstchen/sizes.hpp"

#include <cmath>

#include "base/error.hpp"
#include "engine/pipelines/generation_context.hpp"

namespace p2p::engine::wuerstchen {
namespace {

constexpr int kMaxPixels = 8192;

struct Side {
  std::size_t prior, decoder;
};

// Computed like diffusers, plus the search: in diffusers a side that is not a multiple fails.
Side fit_side(const SizeRules& rules, int px) {
  if (px < 1 || px > kMaxPixels) {
    throw UsageError(sentence("side_out_of_range", "width and height: expected 1 to {0} pixels, found {1}", kMaxPixels, px));
  }
  for (auto prior = static_cast<std::size_t>(std::ceil(px / rules.config.resolution_multiple));; ++prior) {
    const auto decoder = static_cast<std::size_t>(static_cast<double>(prior) * rules.config.latent_dim_scale);
    if (decoder * rules.upscale > std::size_t{2} * kMaxPixels)
      throw UsageError(sentence("side_impossible", "the model draws no picture of {0} pixels a side", px));
    if (decoder > 0 && decoder % rules.multiple == 0) return {prior, decoder};
  }
}

}  // namespace

Sizes fit_sizes(const SizeRules& rules, GenerateParams& params, std::vector<Sentence>& notices) {
  const Side vertical = fit_side(rules, *params.height);
  const Side horizontal = fit_side(rules, *params.width);
  take_size(params, static_cast<int>(horizontal.decoder * rules.upscale), static_cast<int>(vertical.decoder * rules.upscale), notices);
  return {.prior_height = vertical.prior, .prior_width = horizontal.prior, .height = vertical.decoder, .width = horizontal.decoder};
}

}  // namespace p2p::engine::wuerstchen
