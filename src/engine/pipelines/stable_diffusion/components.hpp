#pragma once

#include <memory>

#include "engine/pipelines/stable_diffusion/model_index.hpp"
#include "engine/pipelines/stable_diffusion/text_encoders.hpp"
#include "engine/pipelines/stable_diffusion/vae_networks.hpp"
#include "engine/pipelines/text_to_image.hpp"
#include "engine/sampling/scheduler_config.hpp"

/// Loads the components of a model, as its index and the options say. `options.precision` is set. Each throws ModelError.
namespace p2p::engine::stable_diffusion {

SchedulerConfig load_scheduler(const ModelIndex& index);
/// With the words of options.embeddings.
TextEncoders load_text_encoders(const ModelIndex& index, const EngineOptions& options);
VaeNetworks load_vae(const ModelIndex& index, const EngineOptions& options);
/// Null without options.preview_vae.
std::unique_ptr<const VaeNetworks> load_preview_vae(const ModelIndex& index, const EngineOptions& options);

}  // namespace p2p::engine::stable_diffusion
