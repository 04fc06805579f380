#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/pipelines/text_to_image.hpp"

namespace p2p::engine::stable_diffusion {

/// Removes each `<lora:NAME:WEIGHT>` (or `<lora:NAME>`, of weight 1), the syntax of AUTOMATIC1111's web UI, from `params.prompt` and adds
/// NAME.safetensors of `folder` to `params.loras`. An unknown name, or one that is not a plain file name, adds a notice instead;
/// so does every name if `folder` is empty.
void take_lora_tags(GenerateParams& params, const std::filesystem::path& folder, std::vector<Sentence>& notices);

}  // namespace p2p::engine::stable_diffusion
