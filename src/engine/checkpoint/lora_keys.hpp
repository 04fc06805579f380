#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace p2p::engine {

/// The parts of a changed layer, in the words of LyCORIS.
enum class LoraPart {
  alpha,
  dora_scale,
  magnitude,  ///< lora_magnitude_vector
  down,
  up,
  mid,
  up_bias,  ///< lora_B.bias
  w1_a,     ///< hada_
  w1_b,
  w2_a,
  w2_b,
  t1,
  t2,
  lokr_w1,
  lokr_w1_a,
  lokr_w1_b,
  lokr_w2,
  lokr_w2_a,
  lokr_w2_b,
  lokr_t2,
  glora_a1,
  glora_a2,
  glora_b1,
  glora_b2,
  glora_bm,
  diff,    ///< or w_norm
  diff_b,  ///< or b_norm
  ia3,     ///< weight
  on_input,
};
constexpr std::size_t kLoraParts = static_cast<std::size_t>(LoraPart::on_input) + 1;

/// What a tensor's name in a LoRA file says.
struct LoraKey {
  std::vector<std::string_view> components;  ///< where to look for the module, in this order
  std::string module;                        ///< with '_' for '.'; see LoraModules
  LoraPart part = LoraPart::alpha;
};

/// Reads a name in any of the layouts of diffusers, peft, kohya, LyCORIS, OneTrainer and ComfyUI: their prefixes, also several in a row,
/// and what wrappers insert (base_model.model, _orig_mod, default) are left out. Nothing for names that end in no known part.
std::optional<LoraKey> parse_lora_key(std::string_view name);

}  // namespace p2p::engine
