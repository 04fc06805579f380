#pragma once

#include <filesystem>

#include "engine/checkpoint/config_reader.hpp"
#include "engine/checkpoint/safetensors.hpp"

namespace p2p::engine {

/// A network in a checkpoint: its configuration, and its tensors under diffusers' (transformers') names.
struct Component {
  /// The config.json of a folder and its weights, mapped. Throws ModelError. Implicit, so that a folder can be passed as a component.
  Component(const std::filesystem::path& folder) : config(folder / "config.json"), weights(open_weights(folder)) {}
  Component(ConfigReader read, WeightFiles files) : config(std::move(read)), weights(std::move(files)) {}

  ConfigReader config;
  WeightFiles weights;
};

}  // namespace p2p::engine
