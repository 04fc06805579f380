#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/checkpoint/decomposition.hpp"

namespace p2p::engine {

/// The model that a LoRA changes: the shapes of the tensors of "unet", "text_encoder" and "text_encoder_2", as far as a model has them, by
/// diffusers' names (Weights::requested()).
using LoraModel = std::map<std::string, std::map<std::string, Shape>, std::less<>>;

/// One change that a LoRA makes.
struct LoraChange {
  std::string component;  ///< of LoraModel
  std::string weight;     ///< its name in the component
  Decomposition change;
};

/// The contents of a LoRA file.
struct LoraFile {
  std::vector<LoraChange> changes;
  /// Learned words (`bundle_emb.NAME.…`) as files of textual inversion, which have the file's path, by NAME.
  std::map<std::string, Safetensors> words;
  std::vector<std::string> unknown;  ///< tensors that fit no layer of the model, or say nothing that is known; they can be left out
};

/// Reads a file: names (parse_lora_key) are looked up among the model's layers (LoraModules), and the parts of each layer become a
/// decomposition of its change (changes_of). Throws ModelError that names the file and the tensor if nothing in it fits the model, and for
/// parts that do not belong together.
LoraFile read_lora(const Safetensors& file, const LoraModel& model);

}  // namespace p2p::engine
