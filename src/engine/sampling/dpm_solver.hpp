#pragma once

#include <span>

#include "engine/checkpoint/config_reader.hpp"
#include "engine/sampling/scheduler_bases.hpp"

/// Common parts of DPMSolverMultistep and DPMSolverSinglestep.
namespace p2p::engine {

struct DpmAlgorithm {
  bool data = true;  ///< integrates the predicted picture ("++") instead of the noise
  bool sde = false;  ///< adds noise at every step
};

/// Reads algorithm_type; `deis` means dpmsolver++, as in diffusers. Throws ModelError, also for `sde-dpmsolver` unless `accepts_sde_noise`.
DpmAlgorithm read_dpm_algorithm(const ConfigReader& config, bool accepts_sde_noise);

/// Reads solver_type: whether it is heun. Values of other classes mean midpoint, as in diffusers. Throws ModelError.
bool read_dpm_heun(const ConfigReader& config);

/// Reads lambda_min_clipped: the first timestep that is too noisy for it. Throws ModelError.
int read_dpm_last_timestep(const ConfigReader& config, std::span<const float> alphas_cumprod);

/// Throws ModelError if variance_type says that the network predicts variance.
void expect_no_variance(const ConfigReader& config);

/// Weights of the terms of the next sample: the sample, a prediction (d0), its first and second derivative, and noise.
struct DpmWeights {
  /// A step from `from` to `to` of `order` 1 to 3.
  DpmWeights(const DpmAlgorithm& algorithm, bool heun, const NoiseLevel& from, const NoiseLevel& to, std::size_t order);

  float sample = 0;
  float d0 = 0;
  float d1 = 0;
  float d2 = 0;
  float noise = 0;
};

}  // namespace p2p::engine
