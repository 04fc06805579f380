#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/checkpoint/weight_patches.hpp"

namespace p2p::engine {

/// The model that a LoRA changes: the shapes of the tensors of "unet", "text_encoder" and "text_encoder_2", as far as a model has them, by
/// diffusers' names (Weights::requested()).
using LoraModel = std::map<std::string, std::map<std::string, Shape>, std::less<>>;

/// One change that a LoRA makes.
struct LoraChange {
  std::string component;  ///< of LoraModel
  std::string weight;     ///< its name in the component
  LowRankChange change;   ///< `scale` is alpha / rank, or 1 without an alpha
};

/// All changes of a file in the layouts of diffusers (PEFT's lora_A and lora_B, lora.down and lora.up, the first attention processors'
/// to_q_lora; an alpha as a tensor or in lora_adapter_metadata) and kohya (lora_unet_, lora_te_, lora_te1_, lora_te2_; the UNet's blocks by
/// diffusers' names or the original layout's), of linear layers and convolutions. Port of diffusers' loaders/lora_pipeline.py and what it
/// calls, but that every layer has its own alpha. Throws ModelError that names the file and the key: for what no layer of `model` fits, for
/// other kinds (LoHa, LoKr, DoRA, whole differences, ...), and for numbers that do not belong together.
std::vector<LoraChange> read_lora(const Safetensors& file, const LoraModel& model);

}  // namespace p2p::engine
