#include "engine/checkpoint/vae_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/json.hpp"
#include "engine/checkpoint/inferred_configs.hpp"
#include "engine/checkpoint/original_layout.hpp"
#include "engine/checkpoint/renaming.hpp"

namespace p2p::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 2> kHalves{"encoder", "decoder"};

/// The tensors below the prefix of a VAE in a larger file; all of them if there is none.
Tensors vae_of(const Tensors& tensors) {
  for (const std::string_view prefix : {"first_stage_model.", "vae."}) {
    if (!has_prefix(tensors, prefix)) continue;
    Tensors below;
    for (const auto& [name, view] : tensors) {
      if (name.starts_with(prefix)) below.emplace(name.substr(prefix.size()), view);
    }
    return below;
  }
  return tensors;
}

/// Removes a number and a dot from the front of a name.
std::optional<std::size_t> take_layer(std::string_view& name) {
  constexpr std::size_t kMaxDigits = 3;
  const std::size_t dot = name.find('.');
  std::size_t number = 0;
  if (dot == 0 || dot == name.npos || dot > kMaxDigits) return {};
  const auto [end, error] = std::from_chars(name.data(), name.data() + dot, number);
  if (error != std::errc() || end != name.data() + dot) return {};
  name.remove_prefix(dot + 1);
  return number;
}

/// TAESD counts the layers of a half; the decoder's first, which has no weights, is none of diffusers' layers.
std::optional<std::string> tiny_name(std::string_view half, std::string_view name) {
  const auto layer = take_layer(name);
  const std::size_t first = half == "decoder" ? 1 : 0;
  if (!layer || *layer < first) return {};
  return std::string(half) + ".layers." + std::to_string(*layer - first) + "." + std::string(name);
}

void add_half(WeightFiles& weights, const Safetensors& file, const Tensors& tensors, std::string_view half, const std::string& prefix) {
  for (const auto& [name, view] : tensors) {
    if (!name.starts_with(prefix)) continue;
    const auto renamed = tiny_name(half, std::string_view(name).substr(prefix.size()));
    weights.tensors.emplace(renamed.value_or(name), WeightFiles::Entry{view, file.file, file.path});
  }
}

/// The other half of TAESD; the name of the file says which half it is.
fs::path other_half(const fs::path& file, std::string_view half) {
  const std::string name = file.filename().string();
  const std::string_view other = half == kHalves[0] ? kHalves[1] : kHalves[0];
  const std::size_t at = name.rfind(half);
  if (at == name.npos) return {};
  return file.parent_path() / (name.substr(0, at) + std::string(other) + name.substr(at + half.size()));
}

/// Adds TAESD's tensors under diffusers' names; false if the file has none.
bool add_tiny(WeightFiles& weights, const Safetensors& file, const Tensors& tensors) {
  if (has_prefix(tensors, "encoder.layers.") || has_prefix(tensors, "decoder.layers.")) {
    for (const auto& [name, view] : tensors) weights.tensors.emplace(name, WeightFiles::Entry{view, file.file, file.path});
    return true;
  }
  for (const std::string start : {"", "taesd_"}) {
    const auto has_half = [&](std::string_view half) {
      const std::string prefix = start + std::string(half) + ".";
      const auto found = tensors.lower_bound(prefix);
      return found != tensors.end() && found->first.starts_with(prefix) &&
             tiny_name(half, std::string_view(found->first).substr(prefix.size()));
    };
    if (!std::ranges::any_of(kHalves, has_half)) continue;
    for (const std::string_view half : kHalves) add_half(weights, file, tensors, half, start + std::string(half) + ".");
    return true;
  }
  if (tensors.empty() || !tiny_name("encoder", tensors.begin()->first)) return false;
  // One half: an encoder begins with a layer that the decoder does not have weights in.
  const std::string_view half = has_prefix(tensors, "0.") ? kHalves[0] : kHalves[1];
  const fs::path other = other_half(file.path, half);
  if (other.empty() || !fs::exists(other)) {
    throw ModelError(file.path.string() + ": is the " + std::string(half) + " of TAESD; expected the other half beside it" +
                     (other.empty() ? "" : " as " + other.filename().string()) + ", found none");
  }
  add_half(weights, file, tensors, half, "");
  const Safetensors second = open_safetensors(other);
  add_half(weights, second, second.tensors, half == kHalves[0] ? kHalves[1] : kHalves[0], "");
  return true;
}

bool add_kl(WeightFiles& weights, const Safetensors& file, const Tensors& tensors) {
  if (has_prefix(tensors, "decoder.up_blocks.") || has_prefix(tensors, "decoder.mid_block.")) {
    for (const auto& [name, view] : tensors) weights.tensors.emplace(name, WeightFiles::Entry{view, file.file, file.path});
    return true;
  }
  if (!has_prefix(tensors, "decoder.up.")) return false;
  BlockCounts counts{.levels = 0};
  while (has_prefix(tensors, "decoder.up." + std::to_string(counts.levels) + ".")) ++counts.levels;
  for (const auto& [name, view] : tensors)
    add_renamed(weights, renamed(name, original_layout::vae(), counts).value_or(NewName{.name = name}), file, view);
  return true;
}

Json infer_tiny_config(const WeightFiles& weights) {
  const auto first = weights.tensors.find("decoder.layers.0.weight");
  const bool known = first != weights.tensors.end() && first->second.view.shape.size() == 4;
  return {{"_class_name", "AutoencoderTiny"}, {"latent_channels", known ? first->second.view.shape[1] : 4}};
}

}  // namespace

VaeFile open_vae_file(const Safetensors& file, OriginalFamily family) {
  const fs::path& path = file.path;
  const Tensors tensors = vae_of(file.tensors);
  WeightFiles weights{.folder = path, .tensors = {}};
  const bool tiny = add_tiny(weights, file, tensors);
  if (!tiny && !add_kl(weights, file, tensors)) {
    throw ModelError(path.string() +
                     ": expected a VAE: tensors decoder.up_blocks. (diffusers), decoder.up. (also below first_stage_model.), "
                     "decoder.layers. or TAESD's numbered layers; found " +
                     (tensors.empty() ? "none" : excerpt(tensors.begin()->first)));
  }
  const std::string class_name = tiny ? "AutoencoderTiny" : "AutoencoderKL";
  const fs::path beside = path.parent_path() / "config.json";
  if (path.filename().string().starts_with("diffusion_pytorch_model") && fs::exists(beside)) {
    ConfigReader config(beside);
    std::string named = config.text("_class_name");
    return {std::move(named), {std::move(config), std::move(weights)}};
  }
  const Json config = tiny ? infer_tiny_config(weights) : infer_vae_config(weights, family);
  return {class_name, {ConfigReader(path, config), std::move(weights)}};
}

}  // namespace p2p::engine
