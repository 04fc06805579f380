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

/// The default strength of diffusers' img2img pipeline of the family.
double default_strength(Family family);

/// A scheduler, and the evaluation at which its loop starts.
struct Start {
  std::unique_ptr<Scheduler> scheduler;
  std::size_t evaluation = 0;

  std::span<const float> timesteps() const { return scheduler->timesteps().subspan(evaluation); }
};

/// The part of the loop that the strength of `params`, which are complete, selects for a given picture. Throws UsageError if it is empty.
Start start_from_picture(const GenerateParams& params, const SchedulerConfig& config, Family family);

/// params.image resized to params.width x height, in the format of the VAE: [3, height, width] in -1..1.
std::vector<float> planes_of(const GenerateParams& params);

using DrawFn = std::function<GenerateResult(const GenerateParams& params, const ProgressFn& progress)>;

/// Draws `params`, which have steps and an upscale, by two calls of `draw`, or by one for a given picture; see GenerateParams.
/// `base_width` and `base_height` are the size before upscaling; sides after it are multiples of `multiple`. Throws UsageError for a size
/// above 8192.
GenerateResult draw_upscaled(const GenerateParams& params, int base_width, int base_height, std::size_t multiple,
                             const ProgressFn& progress, const DrawFn& draw);

}  // namespace p2p::engine::stable_diffusion
