#include "engine/checkpoint/lora_keys.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace p2p::engine {
namespace {

using Ending = std::pair<std::string_view, LoraPart>;

// The first that matches.
constexpr std::array kEndings{
    Ending{".lora_A.weight", LoraPart::down},
    Ending{".lora_B.weight", LoraPart::up},
    Ending{".lora_A", LoraPart::down},
    Ending{".lora_B", LoraPart::up},
    Ending{".lora_B.bias", LoraPart::up_bias},
    Ending{".lora_down.weight", LoraPart::down},
    Ending{".lora_up.weight", LoraPart::up},
    Ending{".lora_mid.weight", LoraPart::mid},
    Ending{".lora.down.weight", LoraPart::down},
    Ending{".lora.up.weight", LoraPart::up},
    Ending{".lora_linear_layer.down.weight", LoraPart::down},
    Ending{".lora_linear_layer.up.weight", LoraPart::up},
    Ending{"_lora.down.weight", LoraPart::down},
    Ending{"_lora.up.weight", LoraPart::up},
    Ending{".alpha", LoraPart::alpha},
    Ending{".dora_scale", LoraPart::dora_scale},
    Ending{".lora_magnitude_vector", LoraPart::magnitude},
    Ending{".lora_magnitude_vector.weight", LoraPart::magnitude},
    Ending{".hada_w1_a", LoraPart::w1_a},
    Ending{".hada_w1_b", LoraPart::w1_b},
    Ending{".hada_w2_a", LoraPart::w2_a},
    Ending{".hada_w2_b", LoraPart::w2_b},
    Ending{".hada_t1", LoraPart::t1},
    Ending{".hada_t2", LoraPart::t2},
    Ending{".lokr_w1", LoraPart::lokr_w1},
    Ending{".lokr_w1_a", LoraPart::lokr_w1_a},
    Ending{".lokr_w1_b", LoraPart::lokr_w1_b},
    Ending{".lokr_w2", LoraPart::lokr_w2},
    Ending{".lokr_w2_a", LoraPart::lokr_w2_a},
    Ending{".lokr_w2_b", LoraPart::lokr_w2_b},
    Ending{".lokr_t2", LoraPart::lokr_t2},
    Ending{".a1.weight", LoraPart::glora_a1},
    Ending{".a2.weight", LoraPart::glora_a2},
    Ending{".b1.weight", LoraPart::glora_b1},
    Ending{".b2.weight", LoraPart::glora_b2},
    Ending{".bm.weight", LoraPart::glora_bm},
    Ending{".diff", LoraPart::diff},
    Ending{".w_norm", LoraPart::diff},
    Ending{".diff_b", LoraPart::diff_b},
    Ending{".b_norm", LoraPart::diff_b},
    Ending{".on_input", LoraPart::on_input},
    Ending{".weight", LoraPart::ia3},
};

// Parts of names that wrappers insert and that say nothing: peft's adapter, torch.compile, diffusers' first attention processors.
constexpr std::array<std::string_view, 3> kInserted{"default", "_orig_mod", "processor"};

constexpr std::string_view kUnet = "unet", kFirstText = "text_encoder", kSecondText = "text_encoder_2";

// Prefixes, with '_' for '.', and the component that they name; none if that is left open.
using Prefix = std::pair<std::string_view, std::string_view>;
constexpr std::array kPrefixes{
    Prefix{"base_model_model_", ""},
    Prefix{"lycoris_", ""},
    Prefix{"lora_unet_", kUnet},
    Prefix{"unet_", kUnet},
    Prefix{"model_diffusion_model_", kUnet},
    Prefix{"diffusion_model_", kUnet},
    Prefix{"lora_te_", kFirstText},
    Prefix{"lora_te1_", kFirstText},
    Prefix{"lora_te2_", kSecondText},
    Prefix{"text_encoders_clip_l_", kFirstText},
    Prefix{"text_encoders_clip_g_", kSecondText},
    Prefix{"text_encoders_clip_h_", kFirstText},
    Prefix{"clip_l_", kFirstText},
    Prefix{"clip_g_", kSecondText},
    Prefix{"clip_h_", kFirstText},
    Prefix{"text_encoder_2_", kSecondText},
    Prefix{"text_encoder_1_", kFirstText},
    Prefix{"text_encoder_", kFirstText},
    Prefix{"cond_stage_model_", kFirstText},
    Prefix{"conditioner_embedders_0_", kFirstText},
    Prefix{"conditioner_embedders_1_", kSecondText},
    Prefix{"transformer_text_model_", ""},
};

std::string without_inserted(std::string_view name) {
  std::string result;
  while (true) {
    const std::size_t dot = name.find('.');
    const std::string_view part = name.substr(0, dot);
    if (std::ranges::find(kInserted, part) == kInserted.end()) result.append(part).append(dot == name.npos ? "" : ".");
    if (dot == name.npos) break;
    name.remove_prefix(dot + 1);
  }
  if (result.ends_with('.')) result.pop_back();
  return result;
}

}  // namespace

std::optional<LoraKey> parse_lora_key(std::string_view name) {
  std::string module = without_inserted(name);
  const auto* const ending = std::ranges::find_if(kEndings, [&](const Ending& row) { return module.ends_with(row.first); });
  if (ending == kEndings.end()) return {};
  module.resize(module.size() - ending->first.size());
  std::ranges::replace(module, '.', '_');

  std::string_view component;
  std::string_view rest = module;
  while (true) {
    const auto* const prefix = std::ranges::find_if(kPrefixes, [&](const Prefix& row) { return rest.starts_with(row.first); });
    if (prefix == kPrefixes.end()) break;
    rest.remove_prefix(prefix->first.size());
    if (!prefix->second.empty()) component = prefix->second;
  }
  LoraKey key{.components = {component}, .module = std::string(rest), .part = ending->second};
  if (component.empty()) key.components = {kUnet, kFirstText, kSecondText};
  return key;
}

}  // namespace p2p::engine
