#include "engine/pipelines/stage_weights.hpp"

#include <algorithm>

namespace p2p::engine {

double fraction_done(std::span<const StageWeight> weights, Stage stage, int step, int total) {
  double done = 0;
  double all = 0;
  bool before = true;
  for (const auto& [current, weight] : weights) {
    if (current == stage) {
      done += total > 0 ? weight * (static_cast<double>(step) / total) : 0;  // exactly `weight` at the end of the stage
      before = false;
    } else if (before) {
      done += weight;
    }
    all += weight;
  }
  return all > 0 ? std::min(done / all, 1.0) : 0;
}

std::vector<StageWeight> StageWeights::get() const {
  const std::lock_guard lock(mutex_);
  return weights_;
}

void StageWeights::set(std::span<const StageTime> times) const {
  const std::lock_guard lock(mutex_);
  weights_.clear();
  for (const StageTime& time : times) weights_.push_back({time.stage, time.seconds});
}

ProgressFn scaled(const ProgressFn& progress, double begin, double end) {
  if (!progress) return {};
  return [progress, begin, end](Progress at) {
    at.fraction = begin + (end - begin) * at.fraction;
    progress(at);
  };
}

}  // namespace p2p::engine
