#pragma once

#include <filesystem>

#include "engine/checkpoint/safetensors.hpp"

namespace p2p::engine {

/// "Scaled fp8" as ComfyUI and others write it: moves `X.scale_weight` or `X.weight_scale`, one factor or one for each row, into the scales
/// of the 8-bit `X.weight`, and removes what only such programs use (`scaled_fp8`, `X.scale_input`, `X.input_scale`, `X.comfy_quant`).
/// Throws ModelError for scales of other shapes. Files without such names do not change.
void apply_weight_scales(Tensors& tensors, const std::filesystem::path& file);

}  // namespace p2p::engine
