#pragma once

#include "base/json.hpp"
#include "engine/checkpoint/original_family.hpp"

// Configurations that a single file lacks and diffusers' folders have. They are inferred from the names and shapes of the tensors, or else
// equal to the published folder of the family, which diffusers' from_single_file uses too.
namespace p2p::engine {

/// config.json of UNet2DConditionModel, from tensors by diffusers' names. Throws ModelError if a required tensor is missing.
Json infer_unet_config(const WeightFiles& unet, OriginalFamily family);
/// config.json of AutoencoderKL.
Json infer_vae_config(const WeightFiles& vae, OriginalFamily family);
/// config.json of CLIPTextModel: OpenAI's CLIP-L, or OpenCLIP's.
Json infer_clip_config(const WeightFiles& text_encoder, bool open_clip);

/// scheduler_config.json.
Json published_scheduler(OriginalFamily family);
/// model_index.json; `scheduler` is the scheduler's class.
Json published_model_index(OriginalFamily family, const Json& scheduler);

}  // namespace p2p::engine
