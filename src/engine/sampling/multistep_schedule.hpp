#pragma once

#include <vector>

#include "engine/sampling/sigmas.hpp"
#include "engine/sampling/timesteps.hpp"

namespace p2p::engine {

/// Differences between the schedules of the multistep solvers.
struct MultistepOptions {
  int last_timestep = 0;           ///< timesteps are chosen below it
  bool rounds_karras = true;       ///< to the nearest whole timestep; otherwise truncated, as with other spread sigmas
  bool ends_at_sigma_min = false;  ///< the last noise level: the training's lowest one, not 0
  bool ends_at_own_min = false;    ///< the lowest level of the schedule instead if sigmas are spread
};

/// Timesteps, and noise levels, of which there is one more.
struct MultistepSchedule {
  MultistepSchedule(const TimestepSpacing& spacing, const Sigmas& training, const MultistepOptions& options, int steps);

  std::vector<float> timesteps;
  std::vector<float> sigmas;
};

}  // namespace p2p::engine
