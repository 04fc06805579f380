#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/checkpoint/dtype.hpp"

namespace p2p::engine {

/// The linear layers, convolutions and norms of one component, by every name used for them in LoRA files. All names are compared with '_'
/// for
/// '.', as in kohya's files. Follows diffusers' loaders/lora_conversion_utils.py and utils/state_dict_utils.py.
class LoraModules {
 public:
  /// A tensor's name and shape.
  using Weight = std::pair<const std::string, Shape>;

  /// A layer's tensors.
  struct Layer {
    const Weight* weight = nullptr;
    const Weight* bias = nullptr;  ///< null if the layer has none
  };

  /// `shapes` are those of the component's tensors by diffusers' names, and must outlive this; `component` is "unet", "text_encoder" or
  /// "text_encoder_2".
  LoraModules(std::string_view component, const std::map<std::string, Shape>& shapes);

  /// The layer `module`; null if there is none.
  const Layer* find(std::string_view module) const;

 private:
  using Blocks = std::vector<std::pair<std::string, std::string>>;

  void spell(std::string name, Layer layer);
  void spell_unet(const std::string& module, Layer layer, const Blocks& blocks);

  std::map<std::string, Layer, std::less<>> layers_;
};

}  // namespace p2p::engine
