#pragma once

#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "engine/pipelines/text_to_image.hpp"

/// How Progress::fraction is computed.
namespace p2p::engine {

/// A stage, and its part of the time of a generation; weights need not add up to 1.
struct StageWeight {
  Stage stage = Stage::text;
  double weight = 0;
};

/// The fraction that is done after `step` of `total` steps of a stage; `weights` are in the order the stages run.
double fraction_done(std::span<const StageWeight> weights, Stage stage, int step, int total);

/// A model's stage weights: an estimate at first, then the times of the last generation. Safe to use from several threads.
class StageWeights {
 public:
  explicit StageWeights(std::vector<StageWeight> estimate) : weights_(std::move(estimate)) {}

  std::vector<StageWeight> get() const;
  void set(std::span<const StageTime> times) const;

 private:
  mutable std::mutex mutex_;
  mutable std::vector<StageWeight> weights_;
};

/// Reports fractions 0 to 1 to `progress` as `begin` to `end`.
ProgressFn scaled(const ProgressFn& progress, double begin, double end);

}  // namespace p2p::engine
