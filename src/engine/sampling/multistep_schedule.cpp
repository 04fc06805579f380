#include "engine/sampling/multistep_schedule.hpp"

#include <cmath>

#include "engine/sampling/scheduler_bases.hpp"

namespace p2p::engine {

MultistepSchedule::MultistepSchedule(const TimestepSpacing& spacing, const Sigmas& training, const MultistepOptions& options, int steps) {
  double last = training.training().front();
  std::vector<double> levels;
  if (training.spacing() == Sigmas::Spacing::timesteps) {
    timesteps = spacing.multistep(steps, options.last_timestep);
    levels = training.at(timesteps);
  } else {
    const bool rounds = training.spacing() == Sigmas::Spacing::karras && options.rounds_karras;
    levels = training.spread(training.training().back(), training.training().front(), steps);
    for (const double level : levels) {
      const double timestep = training.timestep_of(level);
      timesteps.push_back(static_cast<float>(rounds ? std::nearbyint(timestep) : std::trunc(timestep)));
    }
    if (options.ends_at_own_min) last = levels.back();
  }
  sigmas = with_last(levels, options.ends_at_sigma_min ? last : 0.0);
}

}  // namespace p2p::engine
