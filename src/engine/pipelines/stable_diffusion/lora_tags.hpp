#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/pipelines/text_to_image.hpp"

namespace p2p::engine::stable_diffusion {

/// Removes each `<KIND:...>`, the syntax of AUTOMATIC1111's web UI, from `params.prompt`. For `<lora:NAME:WEIGHT>`, or `<lyco:...>`, adds
/// NAME.safetensors of `folder` to `params.loras`. The weight is 1 if there is none; a second one is that of the UNet, the first then of
/// the text encoders, and both can be named: `te=0.5`, `unet=1`. An unknown name or kind, one that is not a plain file name, and other
/// options add a notice; so does every name if `folder` is empty.
void take_lora_tags(GenerateParams& params, const std::filesystem::path& folder, std::vector<Sentence>& notices);

}  // namespace p2p::engine::stable_diffusion
