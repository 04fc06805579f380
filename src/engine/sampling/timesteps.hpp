#pragma once

#include <cstdint>
#include <vector>

#include "engine/checkpoint/config_reader.hpp"

namespace p2p::engine {

/// Table 2 of arXiv 2305.08891: ways to choose a few timesteps from those of the training. All lists are descending; whole numbers are
/// exact.
class TimestepSpacing {
 public:
  enum class Kind : std::uint8_t { linspace, leading, trailing };

  /// Reads timestep_spacing, steps_offset and num_train_timesteps. Throws ModelError.
  TimestepSpacing(const ConfigReader& config, Kind fallback);

  /// linspace of `train` timesteps, for a class without these keys.
  static TimestepSpacing linspace(int train) { return {train, Kind::linspace, 0}; }

  /// Whole timesteps, for PNDM and DDIM.
  std::vector<float> whole(int steps) const;
  /// For Euler and Heun: those of linspace are not rounded.
  std::vector<float> fractional(int steps) const;
  /// Whole timesteps below `last`, for the multistep solvers: spread over one more step, without the final 0.
  std::vector<float> multistep(int steps, int last) const;

  Kind kind() const { return kind_; }
  int train() const { return train_; }

 private:
  TimestepSpacing(int train, Kind kind, int offset) : train_(train), kind_(kind), offset_(offset) {}
  std::vector<float> spread(int count, int last, double trailing_step, bool rounded) const;

  int train_;
  Kind kind_;
  int offset_;
};

}  // namespace p2p::engine
