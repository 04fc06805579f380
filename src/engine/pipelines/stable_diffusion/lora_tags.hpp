#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/pipelines/text_to_image.hpp"

namespace p2p::engine::stable_diffusion {

/// Takes each `<lora:NAME:WEIGHT>` (or `<lora:NAME>`, of weight 1), as AUTOMATIC1111's web UI has them, out of `params.prompt`, and adds
/// NAME.safetensors of `folder` to `params.loras`. A name that is not there, or could lead elsewhere, adds nothing, which `notices` tell;
/// with an empty `folder` that is each.
void take_lora_tags(GenerateParams& params, const std::filesystem::path& folder, std::vector<std::string>& notices);

}  // namespace p2p::engine::stable_diffusion
