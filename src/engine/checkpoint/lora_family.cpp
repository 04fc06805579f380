#include "engine/checkpoint/lora_family.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace p2p::engine {
namespace {

using Mark = std::pair<std::string_view, std::string_view>;

// Words in names, with '_' for '.', that only one family has. The first that is found counts.
constexpr std::array kMarks{
    Mark{"joint_blocks_", "Stable Diffusion 3"},
    Mark{"double_blocks_", "Flux"},
    Mark{"single_blocks_", "Flux"},
    Mark{"single_transformer_blocks_", "Flux"},
    Mark{"prior_unet_", "Würstchen or Stable Cascade"},
    Mark{"attn_mapper", "Würstchen or Stable Cascade"},
    Mark{"kv_mapper", "Würstchen or Stable Cascade"},
    Mark{"oft_", "OFT, a kind of change that is not read"},
    Mark{"add_embedding_", "SDXL"},
    Mark{"label_emb_", "SDXL"},
    Mark{"lora_te2_", "SDXL"},
    Mark{"text_encoder_2_", "SDXL"},
    Mark{"clip_g_", "SDXL"},
    Mark{"transformer_blocks_3_", "SDXL"},
};

// Widths of the text that attention reads, and of the text encoder itself.
constexpr std::array<std::pair<std::size_t, std::string_view>, 4> kWidths{
    {{768, "Stable Diffusion 1"}, {1024, "Stable Diffusion 2"}, {2048, "SDXL"}, {1280, "SDXL"}}};

/// Inputs of the layer, if the tensor shows them.
std::optional<std::size_t> inputs_of(std::string_view name, const Shape& shape) {
  constexpr std::array<std::string_view, 5> kEnds{"lora_down_weight", "lora_A_weight", "lora_A_default_weight", "hada_w1_b", "diff"};
  const bool shown = std::ranges::any_of(kEnds, [&](std::string_view end) { return name.ends_with(end); }) || name.ends_with("down_weight");
  return shown && shape.size() > 1 ? std::optional(shape[1]) : std::nullopt;
}

}  // namespace

std::string lora_family_of(const Tensors& tensors) {
  std::vector<std::pair<std::string, const Shape*>> names;
  for (const auto& [name, view] : tensors) {
    names.emplace_back(name, &view.shape);
    std::ranges::replace(names.back().first, '.', '_');
  }
  for (const auto& [word, family] : kMarks) {
    if (std::ranges::any_of(names, [&](const auto& tensor) { return tensor.first.find(word) != std::string::npos; }))
      return std::string(family);
  }
  for (const auto& [name, shape] : names) {
    if (name.find("attn2_to_k") == name.npos && name.find("attn2_to_v") == name.npos && name.find("self_attn_q_proj") == name.npos)
      continue;
    const auto* const width =
        std::ranges::find(kWidths, inputs_of(name, *shape).value_or(0), &std::pair<std::size_t, std::string_view>::first);
    if (width != kWidths.end()) return std::string(width->second);
  }
  // A Stable Diffusion 3 or another transformer; the UNets' blocks have attentions around them.
  if (std::ranges::any_of(names, [](const auto& tensor) {
        return tensor.first.find("transformer_blocks_") != std::string::npos && tensor.first.find("attentions_") == std::string::npos &&
               tensor.first.find("put_blocks_") == std::string::npos && tensor.first.find("middle_block_") == std::string::npos;
      }))
    return "Stable Diffusion 3 or another transformer";
  return "";
}

}  // namespace p2p::engine
