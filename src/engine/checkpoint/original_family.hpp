#pragma once

#include "engine/checkpoint/safetensors.hpp"

namespace p2p::engine {

/// Families of Stable Diffusion that are published as single files.
enum class OriginalFamily { sd1, sd2, sdxl };

/// What a model whose UNet takes that many channels needs besides words, such as "one for inpainting"; empty if nothing is known.
std::string_view unet_task(std::size_t channels);

/// Detects the family of a file in the original layout from the names of its tensors. Throws ModelError for other models, naming the kind
/// of model if it is known, and for files that lack a network.
OriginalFamily original_family_of(const Safetensors& file);

}  // namespace p2p::engine
