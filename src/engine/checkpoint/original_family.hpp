#pragma once

#include "engine/checkpoint/safetensors.hpp"

namespace p2p::engine {

/// Families of Stable Diffusion that are published as single files.
enum class OriginalFamily { sd1, sd2, sdxl };

/// Which one a file in the original layout is, by its tensors' names. Throws ModelError for what is none, by the name of what it is, and
/// for files that lack a network.
OriginalFamily original_family_of(const Safetensors& file);

}  // namespace p2p::engine
