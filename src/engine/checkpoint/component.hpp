#pragma once

#include <filesystem>

#include "engine/checkpoint/config_reader.hpp"
#include "engine/checkpoint/safetensors.hpp"

namespace p2p::engine {

/// A network as a checkpoint holds it: what shapes it, and its tensors by diffusers' (transformers') names.
struct Component {
  /// The config.json of a folder and its weights, mapped. Throws ModelError. Implicit: who takes a component takes its folder.
  Component(const std::filesystem::path& folder) : config(folder / "config.json"), weights(open_weights(folder)) {}
  Component(ConfigReader read, WeightFiles files) : config(std::move(read)), weights(std::move(files)) {}

  ConfigReader config;
  WeightFiles weights;
};

}  // namespace p2p::engine
