#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/pipelines/stable_diffusion/model_index.hpp"
#include "engine/pipelines/text_to_image.hpp"
#include "engine/sampling/scheduler_config.hpp"

namespace p2p::engine::stable_diffusion {

/// The strength that diffusers' img2img of the family has unless asked.
double default_strength(Family family);

/// A sampler, and the evaluation at which its loop begins.
struct Start {
  std::unique_ptr<Scheduler> scheduler;
  std::size_t evaluation = 0;

  std::span<const float> timesteps() const { return scheduler->timesteps().subspan(evaluation); }
};

/// What the strength of `params`, which are filled in, leaves of the loop that begins with a picture. Throws UsageError where that is none.
Start start_from_picture(const GenerateParams& params, const SchedulerConfig& config, Family family);

/// The picture of params.width x height as the VAE takes it: [3, height, width] in -1..1.
std::vector<float> planes_of(const GenerateParams& params);

using DrawFn = std::function<GenerateResult(const GenerateParams& params, const ProgressFn& progress)>;

/// Draws `params`, which have steps and an upscale, by two calls of `draw`, or one where there is a picture to begin with; see
/// GenerateParams. `base_width` and `base_height` are those before, sides after are multiples of `multiple`. Throws UsageError for a size
/// above 8192.
GenerateResult draw_upscaled(const GenerateParams& params, int base_width, int base_height, std::size_t multiple,
                             const ProgressFn& progress, const DrawFn& draw);

}  // namespace p2p::engine::stable_diffusion
