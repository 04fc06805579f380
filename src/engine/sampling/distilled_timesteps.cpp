#include "engine/sampling/distilled_timesteps.hpp"

#include "base/error.hpp"

namespace p2p::engine {

DistilledTimesteps::DistilledTimesteps(const ConfigReader& config, int train)
    : train_(train), count_(static_cast<int>(config.integer("original_inference_steps", 1, train, 50))) {}

std::vector<float> DistilledTimesteps::choose(int steps, double strength) const {
  if (steps > count_)
    throw UsageError(
        sentence("lcm_steps", "a model distilled with {0} steps, such as an LCM, cannot draw with {1}: take fewer", count_, steps));
  const int count = static_cast<int>(count_ * strength);
  if (steps > count)
    throw UsageError(sentence(
        "lcm_strength", "strength: {0} leaves {1} of the {2} steps that the model was distilled with, too few to draw with {3}: raise it",
        excerpt(strength), count, count_, steps));
  const int stride = train_ / count_;
  const double spread = static_cast<double>(count) / steps;
  std::vector<float> timesteps;
  for (int i = 0; i < steps; ++i) timesteps.push_back(static_cast<float>((count - static_cast<int>(i * spread)) * stride - 1));
  return timesteps;
}

}  // namespace p2p::engine
