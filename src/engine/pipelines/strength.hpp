#pragma once

#include <optional>

#include "engine/pipelines/text_to_image.hpp"

/// How much of a picture is drawn anew.
namespace p2p::engine {

/// The strength that is asked for, else the usual one, raised where it would leave none of the steps.
double strength_or(std::optional<double> asked, double usual, int steps);

/// How many of so many steps are drawn anew at a strength, as diffusers counts them. Throws UsageError where that is none.
int steps_left(int steps, double strength);

/// Fills in the strength of `params`' variations, if there are any; the steps are filled in. Throws UsageError for too many variations, or
/// a strength beyond 0 to 1.
void take_variations(GenerateParams& params);

}  // namespace p2p::engine
