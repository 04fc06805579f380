#pragma once

#include <filesystem>
#include <memory>

#include "engine/pipelines/text_to_image.hpp"

namespace p2p::engine {

/// True for a folder with the two published ones in it as prior/ and decoder/, and for diffusers' combined layout.
bool is_wuerstchen(const std::filesystem::path& folder);

/// Loads Würstchen: text, then the prior (stage C), the decoder (stage B) and the VQGAN (stage A). `options.precision` is set. Throws
/// ModelError.
std::unique_ptr<TextToImage> load_wuerstchen(const std::filesystem::path& folder, const EngineOptions& options);

}  // namespace p2p::engine
