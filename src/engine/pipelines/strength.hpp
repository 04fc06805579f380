#pragma once

#include <optional>

#include "engine/pipelines/text_to_image.hpp"

/// Strength: how much of a picture is redrawn.
namespace p2p::engine {

/// The requested strength, else the usual one, raised if it would select no step.
double strength_or(std::optional<double> asked, double usual, int steps);

/// The number of steps that are redrawn at a strength, counted like diffusers. Throws UsageError if it is 0.
int steps_left(int steps, double strength);

/// Sets the default strength of `params`, which have steps, if there are variations. Throws UsageError for too many variations, and for
/// a strength outside 0 to 1.
void take_variations(GenerateParams& params);

}  // namespace p2p::engine
