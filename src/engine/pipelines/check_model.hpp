#pragma once

#include <filesystem>

namespace p2p::engine {

/// Throws ModelError that says what it is, unless `model` is a file or a folder of a family that load_text_to_image() knows. Does not look
/// at its weights.
void check_model(const std::filesystem::path& model);

}  // namespace p2p::engine
