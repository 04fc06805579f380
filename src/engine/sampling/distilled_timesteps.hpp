#pragma once

#include <vector>

#include "engine/checkpoint/config_reader.hpp"

namespace p2p::engine {

/// The timesteps of LCM and TCD: evenly spread ones of the few that a model was distilled with.
class DistilledTimesteps {
 public:
  /// Reads original_inference_steps, at most `train`. Throws ModelError.
  DistilledTimesteps(const ConfigReader& config, int train);

  /// `steps` descending timesteps in the first `strength`, 0 to 1, of the schedule. Throws UsageError if there are too few.
  std::vector<float> choose(int steps, double strength) const;

 private:
  int train_;
  int count_;
};

}  // namespace p2p::engine
