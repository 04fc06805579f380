#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/checkpoint/config_reader.hpp"

namespace p2p::engine {

/// The noise levels of a training, sigma = sqrt((1 - alpha) / alpha) for each alpha of alphas_cumprod, and ways to choose a few of
/// them.
class Sigmas {
 public:
  enum class Spacing : std::uint8_t { timesteps, karras, exponential, beta };

  /// Reads use_karras_sigmas, use_exponential_sigmas and use_beta_sigmas, of which one may be true, sigma_min and sigma_max. Throws
  /// ModelError.
  Sigmas(const ConfigReader& config, std::span<const float> alphas_cumprod);

  Spacing spacing() const { return spacing_; }
  std::span<const float> training() const { return training_; }

  /// At timesteps, fractions interpolated.
  std::vector<double> at(std::span<const float> timesteps) const;

  /// `count` levels whose logarithms are evenly spread from the training's highest to its lowest.
  std::vector<double> log_linear(int count) const;

  /// `count` levels of spacing() (not `timesteps`) from `from` down to `to`, unless sigma_max and sigma_min say others and `bounded`.
  std::vector<double> spread(double from, double to, int count, bool bounded = true) const;

  /// The timestep, which may be a fraction, at which the training had this level.
  double timestep_of(double sigma) const;
  /// The same in float32, as diffusers does it for levels that are torch's numbers.
  float timestep_of(float sigma) const;

 private:
  Spacing spacing_;
  std::optional<double> min_;
  std::optional<double> max_;
  std::vector<float> training_;
  std::vector<float> log_training_;
};

/// Reads final_sigmas_type: whether the last level is sigma_min (the training's lowest) instead of zero. Throws ModelError.
bool read_ends_at_sigma_min(const ConfigReader& config);

}  // namespace p2p::engine
