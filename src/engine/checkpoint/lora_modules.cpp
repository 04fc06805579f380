#include "engine/checkpoint/lora_modules.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace p2p::engine {
namespace {

using Shapes = std::map<std::string, Shape>;
using Rename = std::pair<std::string_view, std::string_view>;

constexpr std::string_view kWeight = ".weight";
constexpr std::string_view kTextModel = "text_model.";

// Names of the original layout for the parts of the UNet outside its blocks, and for those inside.
constexpr std::array kOriginalOutside{Rename{"conv_in", "input_blocks.0.0"},
                                      Rename{"conv_norm_out", "out.0"},
                                      Rename{"conv_out", "out.2"},
                                      Rename{"time_embedding.linear_1", "time_embed.0"},
                                      Rename{"time_embedding.linear_2", "time_embed.2"},
                                      Rename{"add_embedding.linear_1", "label_emb.0.0"},
                                      Rename{"add_embedding.linear_2", "label_emb.0.2"}};
constexpr std::array kOriginalInside{Rename{"norm1", "in_layers.0"},          Rename{"conv1", "in_layers.2"},
                                     Rename{"norm2", "out_layers.0"},         Rename{"conv2", "out_layers.3"},
                                     Rename{"time_emb_proj", "emb_layers.1"}, Rename{"conv_shortcut", "skip_connection"}};

// Names of attention layers in diffusers' first text encoder LoRAs.
constexpr std::array kOldText{Rename{".q_proj", ".to_q"}, Rename{".k_proj", ".to_k"}, Rename{".v_proj", ".to_v"},
                              Rename{".out_proj", ".to_out"}};

std::string underscored(std::string name) {
  std::ranges::replace(name, '.', '_');
  return name;
}

bool has_below(const Shapes& shapes, const std::string& module) {
  const auto next = shapes.lower_bound(module + ".");
  return next != shapes.end() && next->first.starts_with(module + ".");
}

/// Every block of the UNet with its place in the original layout, which counts input_blocks and output_blocks through all levels.
std::vector<std::pair<std::string, std::string>> original_blocks(const Shapes& shapes) {
  std::vector<std::pair<std::string, std::string>> blocks{
      {"mid_block.resnets.0", "middle_block.0"}, {"mid_block.attentions.0", "middle_block.1"}, {"mid_block.resnets.1", "middle_block.2"}};
  const auto levels = [&](const std::string& way, const std::string& original, std::size_t place) {
    for (std::size_t level = 0; has_below(shapes, way + std::to_string(level)); ++level) {
      const std::string block = way + std::to_string(level);
      std::size_t in_place = 0;
      for (std::size_t j = 0; has_below(shapes, block + ".resnets." + std::to_string(j)); ++j, ++place) {
        in_place = 0;
        for (const std::string kind : {".resnets.", ".attentions."}) {
          const std::string module = block + kind + std::to_string(j);
          if (!has_below(shapes, module)) continue;
          blocks.emplace_back(module, original + std::to_string(place) + "." + std::to_string(in_place++));
        }
      }
      // Downsampling has a place of its own; upsampling shares the place of the level's last block.
      if (has_below(shapes, block + ".downsamplers.0"))
        blocks.emplace_back(block + ".downsamplers.0", original + std::to_string(place++) + ".0");
      if (has_below(shapes, block + ".upsamplers.0")) {
        blocks.emplace_back(block + ".upsamplers.0", original + std::to_string(place - 1) + "." + std::to_string(in_place));
      }
    }
  };
  levels("down_blocks.", "input_blocks.", 1);  // conv_in is the first
  levels("up_blocks.", "output_blocks.", 0);
  return blocks;
}

}  // namespace

LoraModules::LoraModules(std::string_view component, const Shapes& shapes) {
  const auto blocks = component == "unet" ? original_blocks(shapes) : std::vector<std::pair<std::string, std::string>>();
  for (const Weight& weight : shapes) {
    if (!weight.first.ends_with(kWeight) || weight.second.empty()) continue;
    std::string module = weight.first.substr(0, weight.first.size() - kWeight.size());
    if (module.ends_with("embedding") && component != "unet") continue;  // LoRAs do not change the tables of text encoders
    const auto bias = shapes.find(module + ".bias");
    const Layer layer{.weight = &weight, .bias = bias == shapes.end() ? nullptr : &*bias};
    if (component == "unet") {
      spell_unet(module, layer, blocks);
    } else {
      if (module.starts_with(kTextModel)) module.erase(0, kTextModel.size());
      for (const std::string prefix : {"", "text_model."}) {
        spell(prefix + module, layer);
        for (const auto& [name, old] : kOldText) {
          if (module.ends_with(name)) spell(prefix + module.substr(0, module.size() - name.size()) + std::string(old), layer);
        }
      }
    }
  }
}

const LoraModules::Layer* LoraModules::find(std::string_view module) const {
  const auto found = layers_.find(underscored(std::string(module)));
  return found == layers_.end() ? nullptr : &found->second;
}

void LoraModules::spell(std::string name, Layer layer) { layers_.emplace(underscored(std::move(name)), layer); }

void LoraModules::spell_unet(const std::string& module, Layer layer, const Blocks& blocks) {
  spell(module, layer);
  if (module.ends_with(".to_out.0")) spell(module.substr(0, module.size() - 2), layer);  // diffusers' first UNet LoRAs: to_out_lora
  for (const auto& [name, original] : kOriginalOutside) {
    if (module == name) spell(std::string(original), layer);
  }
  for (const auto& [block, original] : blocks) {
    if (!module.starts_with(block + ".")) continue;
    std::string inside = module.substr(block.size() + 1);
    if (block.find(".downsamplers.") != block.npos) inside = "op";
    for (const auto& [name, other] : kOriginalInside) {
      if (inside == name) inside = other;
    }
    spell(original + "." + inside, layer);
  }
}

}  // namespace p2p::engine
