#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/checkpoint/dtype.hpp"

namespace p2p::engine {

/// The linear layers and convolutions of one component, by every name used for them in LoRA files. All names are compared with '_' for
/// '.', as in kohya's files. Follows diffusers' loaders/lora_conversion_utils.py and utils/state_dict_utils.py.
class LoraModules {
 public:
  /// A tensor's name and shape.
  using Weight = std::pair<const std::string, Shape>;

  /// `shapes` are those of the component's tensors by diffusers' names, and must outlive this; `component` is "unet", "text_encoder" or
  /// "text_encoder_2".
  LoraModules(std::string_view component, const std::map<std::string, Shape>& shapes);

  /// The weight of the layer `module`; null if there is no such layer.
  const Weight* find(std::string_view module) const;

 private:
  using Blocks = std::vector<std::pair<std::string, std::string>>;

  void spell(std::string name, const Weight& weight);
  void spell_unet(const std::string& module, const Weight& weight, const Blocks& blocks);

  std::map<std::string, const Weight*, std::less<>> weights_;
};

}  // namespace p2p::engine
