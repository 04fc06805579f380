#pragma once

#include "engine/checkpoint/name_rules.hpp"
#include "engine/checkpoint/safetensors.hpp"

namespace p2p::engine {

/// Adds a tensor of `file` under its new name, changed as the rule says. A tensor whose shape does not fit the change is added unchanged;
/// the ledger of weights reports it. Throws ModelError if there is one of that name.
void add_renamed(WeightFiles& files, const NewName& to, const Safetensors& file, TensorView view);

}  // namespace p2p::engine
