#pragma once

#include <string>
#include <vector>

#include "engine/checkpoint/lora_alphas.hpp"
#include "engine/checkpoint/lora_parts.hpp"

namespace p2p::engine {

/// A change of one tensor of the model.
struct LayerChange {
  std::string tensor;
  Decomposition change;
};

/// Whether a layer can have this part: norms only whole differences, layers without a bias none of it.
bool fits(LoraPart part, const LoraModules::Layer& layer);

/// The changes that the parts of a layer describe, by the formulas of LyCORIS 4 (its modules' forward; get_merged_weight of LoHa and LoKr
/// applies their scale twice). `alphas` are for layers of `component` without alpha. Throws ModelError that names the file and the tensor,
/// for parts that are missing, have other shapes than the layer, or are not floating-point.
std::vector<LayerChange> changes_of(const LoraParts& parts, const LoraAlphas& alphas, const std::string& component,
                                    const std::shared_ptr<const MappedFile>& file);

}  // namespace p2p::engine
