#pragma once

#include <string>
#include <vector>

#include "engine/checkpoint/config_reader.hpp"

namespace p2p::engine {

/// Options of a scheduler class for reading its betas.
struct BetaOptions {
  double start = 0.0001;  ///< the class's default of beta_start
  double end = 0.02;      ///< of beta_end
  std::string schedule = "linear";
  bool accepts_exp = false;      ///< beta_schedule may be "exp"
  bool accepts_sigmoid = false;  ///< "sigmoid"
  bool keeps_last_snr = false;   ///< with rescale_betas_zero_snr the last value is 2^-24, not 0
};

/// alphas_cumprod of a scheduler's configuration, equal to torch's float32: num_train_timesteps values that fall from near 1. Reads
/// num_train_timesteps, beta_start, beta_end, beta_schedule, trained_betas and rescale_betas_zero_snr. Throws ModelError.
std::vector<float> read_alphas_cumprod(const ConfigReader& config, const BetaOptions& options);

}  // namespace p2p::engine
