#include "engine/pipelines/stable_diffusion/img2img.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "engine/image/read_image.hpp"
#include "engine/image/resize.hpp"
#include "engine/pipelines/stage_weights.hpp"
#include "engine/pipelines/strength.hpp"

namespace p2p::engine::stable_diffusion {
namespace {

constexpr double kUpscaleStrength = 0.3;  // adds detail without changing the content

int upscaled(int px, double factor, std::size_t multiple) {
  const int side = static_cast<int>(px * factor);
  if (side > kMaxImageSide)
    throw UsageError(sentence("upscaled_too_large",
                              "upscale: expected a size of at most {0} pixels a side, found {1}: take a smaller factor or size",
                              kMaxImageSide, side));
  return side - side % static_cast<int>(multiple);
}

/// The first drawing's part of the time: the second has `factor` x `factor` as many pixels, but about a third of the steps.
double first_fraction(double factor) { return 1 / (1 + factor * factor / 3); }

}  // namespace

double default_strength(Family family) { return family == Family::xl ? 0.3 : 0.8; }

Start start_from_picture(const GenerateParams& params, const SchedulerConfig& config, Family family) {
  const int steps = *params.steps;
  const double strength = *params.strength;
  if (family == Family::latent_consistency && config.is_lcm(params.sampler)) return {.scheduler = config.make_lcm(steps, strength)};
  const int left = steps_left(steps, strength);
  Start start{.scheduler = config.make(steps, params.sampler)};
  start.evaluation = static_cast<std::size_t>(steps - left) * start.scheduler->order();
  return start;
}

std::vector<float> planes_of(const GenerateParams& params) {
  const Image image = resize(*params.image, *params.width, *params.height, ResizeFilter::lanczos);
  const std::size_t plane = image.rgb.size() / 3;
  std::vector<float> planes(image.rgb.size());
  for (std::size_t i = 0; i < plane; ++i)
    for (std::size_t channel = 0; channel < 3; ++channel)
      planes[channel * plane + i] = 2.0F * (static_cast<float>(image.rgb[3 * i + channel]) / 255.0F) - 1.0F;
  return planes;
}

GenerateResult draw_upscaled(const GenerateParams& params, int base_width, int base_height, std::size_t multiple,
                             const ProgressFn& progress, const DrawFn& draw) {
  GenerateParams last = params;
  last.upscale.reset();
  last.variations.clear();
  last.width = upscaled(base_width, *params.upscale, multiple);
  last.height = upscaled(base_height, *params.upscale, multiple);
  last.strength = strength_or(params.strength, kUpscaleStrength, *params.steps);
  GenerateResult before;
  double before_fraction = 0;
  if (params.image) {
    last.image = std::make_shared<const Image>(resize(*params.image, base_width, base_height, ResizeFilter::lanczos));
  } else {
    GenerateParams first = params;
    first.upscale.reset();
    first.strength.reset();
    before_fraction = first_fraction(*params.upscale);
    before = draw(first, scaled(progress, 0, before_fraction));
    last.image = std::make_shared<const Image>(std::move(before.image));
  }
  GenerateResult result = draw(last, scaled(progress, before_fraction, 1));
  result.params.image = params.image;
  result.params.upscale = params.upscale;
  result.params.variations = params.variations;
  result.params.width = base_width;
  result.params.height = base_height;
  result.stages.insert(result.stages.begin(), before.stages.begin(), before.stages.end());
  if (!params.image) result.first_step_seconds = before.first_step_seconds;
  for (const Sentence& notice : before.notices)
    if (std::ranges::count(result.notices, notice) == 0) result.notices.push_back(notice);
  return result;
}

}  // namespace p2p::engine::stable_diffusion
