#pragma once

#include <filesystem>
#include <memory>

#include "engine/pipelines/text_to_image.hpp"

namespace p2p::engine {

/// Whether a folder holds the two published folders as prior/ and decoder/, or diffusers' combined layout.
bool is_wuerstchen(const std::filesystem::path& folder);

/// Loads Würstchen: text, then the prior (stage C), the decoder (stage B) and the VQGAN (stage A). `options.precision` is set. Throws
/// ModelError.
std::unique_ptr<TextToImage> load_wuerstchen(const std::filesystem::path& folder, const EngineOptions& options);

}  // namespace p2p::engine
