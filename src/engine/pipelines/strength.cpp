#include "engine/pipelines/strength.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/json.hpp"

namespace p2p::engine {

double strength_or(std::optional<double> asked, double usual, int steps) { return asked.value_or(std::max(usual, 1.0 / steps)); }

int steps_left(int steps, double strength) {
  const int left = std::min(static_cast<int>(steps * strength), steps);
  if (left < 1)
    throw UsageError(sentence("strength_too_low",
                              "strength: {0} leaves none of {1} steps: raise it, or take more steps (steps x strength has to reach 1)",
                              excerpt(strength), steps));
  return left;
}

void take_variations(GenerateParams& params) {
  constexpr std::size_t kMost = 16;
  constexpr double kStrength = 0.6;  // keeps the composition and changes the details
  if (params.variations.size() > kMost)
    throw UsageError("variations: expected at most " + std::to_string(kMost) + ", found " + std::to_string(params.variations.size()));
  if (!params.variations.empty()) params.strength = strength_or(params.strength, kStrength, *params.steps);
  if (params.strength && !(*params.strength >= 0 && *params.strength <= 1))
    throw UsageError("strength: expected a number from 0 to 1, found " + excerpt(*params.strength));
}

}  // namespace p2p::engine
