#pragma once

#include "base/json.hpp"
#include "engine/checkpoint/original_family.hpp"

// What diffusers' folders say in their JSON and a single file does not: read off the tensors' names and shapes where these show it, else as
// the published folder of the family has it, which is where diffusers' from_single_file looks.
namespace p2p::engine {

/// config.json of UNet2DConditionModel, from tensors by diffusers' names. Throws ModelError where one that is needed is missing.
Json infer_unet_config(const WeightFiles& unet, OriginalFamily family);
/// Of AutoencoderKL.
Json infer_vae_config(const WeightFiles& vae, OriginalFamily family);
/// Of CLIPTextModel: OpenAI's CLIP-L, or OpenCLIP's.
Json infer_clip_config(const WeightFiles& text_encoder, bool open_clip);

/// scheduler_config.json.
Json published_scheduler(OriginalFamily family);
/// model_index.json; `scheduler` is the scheduler's class.
Json published_model_index(OriginalFamily family, const Json& scheduler);

}  // namespace p2p::engine
