#pragma once

#include <filesystem>
#include <memory>
#include <utility>

#include "engine/pipelines/text_to_image.hpp"

namespace p2p::engine {

/// True for a folder in diffusers' layout whose model_index.json names a pipeline of family_of_pipeline(); and for a single file (see
/// SingleFile).
bool is_stable_diffusion(const std::filesystem::path& model);

/// The default width and height in pixels. Throws ModelError.
std::pair<int, int> stable_diffusion_size(const std::filesystem::path& model);

/// Loads it: one or two text encoders, the UNet, and the VAE (AutoencoderKL or AutoencoderTiny). `options.precision` is set. Throws
/// ModelError.
std::unique_ptr<TextToImage> load_stable_diffusion(const std::filesystem::path& model, const EngineOptions& options);

}  // namespace p2p::engine
