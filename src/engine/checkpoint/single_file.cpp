#include "engine/checkpoint/single_file.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "base/error.hpp"
#include "base/file_kind.hpp"
#include "base/text.hpp"
#include "engine/checkpoint/original_layout.hpp"
#include "engine/checkpoint/renaming.hpp"

namespace p2p::engine {
namespace {

namespace fs = std::filesystem;

/// Tensors in published files that only training or the original code uses: names, or prefixes that end in a dot or an underscore.
constexpr std::array<std::string_view, 32> kIgnored{
    "model_ema.",
    "first_stage_model.model_ema.",
    "first_stage_model.loss.",
    "denoiser.",
    "embedding_manager.",
    "posterior_",
    "sqrt_",
    "ddim_",
    "alphas_cumprod",
    "alphas_cumprod_prev",
    "betas",
    "log_one_minus_alphas_cumprod",
    "logvar",
    "lvlb_weights",
    "scale_factor",
    "global_step",
    "v_pred",
    "ztsnr",
    "iter_count",
    "state_dict",
    "cond_stage_model.logit_scale",
    "cond_stage_model.text_projection",
    "cond_stage_model.transformer.logit_scale",
    "cond_stage_model.model.logit_scale",
    "cond_stage_model.model.attn_mask",
    "cond_stage_model.model.text_projection",
    "cond_stage_model.model.transformer.resblocks.23.",  // Stable Diffusion 2 uses the output of the second-to-last layer
    "conditioner.embedders.0.logit_scale",
    "conditioner.embedders.0.text_projection",
    "conditioner.embedders.0.transformer.logit_scale",
    "conditioner.embedders.1.model.logit_scale",
    "conditioner.embedders.1.model.attn_mask",
};

constexpr std::size_t kMostPlaces = 65;  ///< of a level's blocks

bool is_ignored(std::string_view name) {
  return std::ranges::any_of(
      kIgnored, [&](std::string_view word) { return word.ends_with('.') || word.ends_with('_') ? name.starts_with(word) : name == word; });
}

/// The component under a prefix.
struct Source {
  std::string_view prefix;
  std::string component;
  std::span<const NameRule> rules = {};  ///< empty: names do not change
};

std::vector<Source> sources_of(OriginalFamily family) {
  std::vector<Source> sources{{original_layout::kUnet, "unet", original_layout::unet()},
                              {"first_stage_model.", "vae", original_layout::vae()},
                              {"vae.", "vae", original_layout::vae()}};
  switch (family) {
    case OriginalFamily::sd1:
      sources.push_back({"cond_stage_model.transformer.", "text_encoder"});
      break;
    case OriginalFamily::sd2:
      sources.push_back({"cond_stage_model.model.", "text_encoder", original_layout::open_clip()});
      break;
    case OriginalFamily::sdxl:
      sources.push_back({"conditioner.embedders.0.transformer.", "text_encoder"});
      sources.push_back({"conditioner.embedders.1.model.", "text_encoder_2", original_layout::open_clip()});
      break;
  }
  return sources;
}

BlockCounts count_blocks(const Tensors& tensors) {
  const std::string input = std::string(original_layout::kUnet) + "input_blocks.";
  BlockCounts counts{.places = 1, .levels = 0};
  // The first step to the next level. Not every number before it is taken: diffusers' script numbers models of one layer like those of two.
  const auto steps_down = [&](std::size_t place) { return has_prefix(tensors, input + std::to_string(place) + ".0.op."); };
  while (counts.places < kMostPlaces && !steps_down(counts.places)) ++counts.places;
  for (const std::string prefix : {"first_stage_model.decoder.up.", "vae.decoder.up."})
    while (has_prefix(tensors, prefix + std::to_string(counts.levels) + ".")) ++counts.levels;
  return counts;
}

/// The name for messages of a part of `file`.
fs::path part_name(const fs::path& file, const std::string& component) { return file.string() + " (" + component + ")"; }

}  // namespace

bool is_single_file(const fs::path& model) {
  if (fs::is_directory(model)) return false;
  return to_lower(model.extension().string()) == ".safetensors" || is_safetensors(model);
}

SingleFile::SingleFile(Safetensors file) : file_(std::move(file)), family_(original_family_of(file_)) {
  const std::vector<Source> sources = sources_of(family_);
  const BlockCounts counts = count_blocks(file_.tensors);
  for (const Source& source : sources) components_[source.component].folder = part_name(file_.path, source.component);
  for (const auto& [name, view] : file_.tensors) {
    if (is_ignored(name)) continue;
    const auto source = std::ranges::find_if(sources, [&](const Source& one) { return name.starts_with(one.prefix); });
    if (source == sources.end()) {
      strays_.push_back(name);
      continue;
    }
    const std::string rest = name.substr(source->prefix.size());
    const auto to = source->rules.empty() ? NewName{.name = rest} : renamed(rest, source->rules, counts);
    // A tensor without a matching rule keeps its name, which no network requests.
    add_renamed(components_[source->component], to.value_or(NewName{.name = name}), file_, view);
  }
}

bool SingleFile::has(std::string_view component) const {
  const auto found = components_.find(component);
  return found != components_.end() && !found->second.tensors.empty();
}

Component SingleFile::component(const std::string& name) const {
  const auto found = components_.find(name);
  if (found == components_.end()) throw ModelError(file_.path.string() + ": has no " + name);
  const WeightFiles& weights = found->second;
  if (name == "vae" && !has(name))
    throw ModelError(file_.path.string() + ": has no VAE (first_stage_model.), so it needs one of another file: name it with --vae");
  const fs::path beside = file_.path.parent_path() / name / "config.json";
  if (fs::exists(beside)) return {beside, weights};
  const bool open_clip = name == "text_encoder_2" || family_ == OriginalFamily::sd2;
  const Json config = name == "unet"  ? infer_unet_config(weights, family_)
                      : name == "vae" ? infer_vae_config(weights, family_)
                                      : infer_clip_config(weights, open_clip);
  return {ConfigReader(weights.folder, config), weights};
}

fs::path SingleFile::scheduler_beside() const {
  const fs::path beside = file_.path.parent_path() / "scheduler/scheduler_config.json";
  return fs::exists(beside) ? beside : fs::path();
}

Json SingleFile::default_scheduler() const {
  Json config = published_scheduler(family_);
  // A convention of other programs: the presence of these empty tensors marks such models.
  if (file_.tensors.contains("v_pred")) config["prediction_type"] = "v_prediction";
  if (file_.tensors.contains("ztsnr")) config.update({{"rescale_betas_zero_snr", true}, {"timestep_spacing", "trailing"}});
  return config;
}

fs::path SingleFile::tokenizer(const std::string& name, const fs::path& clip) const {
  const fs::path beside = file_.path.parent_path() / name;
  if (fs::exists(beside)) return beside;
  const bool second = name == "tokenizer_2" || family_ == OriginalFamily::sd2;
  const fs::path own = clip / (second ? "tokenizer_2" : "tokenizer");
  if (!clip.empty() && fs::exists(own)) return own;
  throw ModelError(file_.path.string() + ": has no tokenizer, as no such file has; looked for " + beside.string() +
                   (clip.empty() ? "" : " and " + own.string()) + ". CLIP's comes with prompt2pic where tools/setup has made it");
}

}  // namespace p2p::engine
