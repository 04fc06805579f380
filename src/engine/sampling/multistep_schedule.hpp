#pragma once

#include <vector>

#include "engine/sampling/sigmas.hpp"
#include "engine/sampling/timesteps.hpp"

namespace p2p::engine {

/// Where the schedules of DPMSolverMultistep and UniPCMultistep differ.
struct MultistepOptions {
  int last_timestep = 0;           ///< timesteps are chosen below it
  bool rounds_karras = true;       ///< to the nearest whole timestep; else what is after the point is cut off, as with exponential sigmas
  bool ends_at_sigma_min = false;  ///< the last noise level: the training's lowest one, not 0
  bool ends_at_own_min = false;    ///< ... but the schedule's own lowest where sigmas are spread
};

/// Timesteps and one noise level more.
struct MultistepSchedule {
  MultistepSchedule(const TimestepSpacing& spacing, const Sigmas& training, const MultistepOptions& options, int steps);

  std::vector<float> timesteps;
  std::vector<float> sigmas;
};

}  // namespace p2p::engine
