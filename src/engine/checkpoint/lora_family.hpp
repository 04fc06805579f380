#pragma once

#include <string>

#include "engine/checkpoint/safetensors.hpp"

namespace p2p::engine {

/// The family of models for which a LoRA seems to be made, by the names and shapes of its tensors, such as "SDXL"; empty if unknown.
std::string lora_family_of(const Tensors& tensors);

}  // namespace p2p::engine
